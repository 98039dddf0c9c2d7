FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /rollcall ./cmd/rollcall
RUN mkdir /data

# Nothing but the binary: time zones and certificate roots are compiled in.
FROM scratch
COPY --from=build /rollcall /rollcall
# Where the embedded database lies when there is no other: mount a volume here.
COPY --from=build --chown=65532:65532 /data /var/lib/rollcall
WORKDIR /var/lib/rollcall
USER 65532:65532
# Of the container's interfaces; what of them is published is the host's choice.
ENV ROLLCALL_LISTEN=0.0.0.0:8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/rollcall", "healthcheck"]
ENTRYPOINT ["/rollcall"]
CMD ["serve"]
