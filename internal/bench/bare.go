//go:build linux

package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"syscall"
)

// bareArgument makes this program the server that Rollcall is compared with: the
// least that net/http can do, in a process of its own as Rollcall is.
const bareArgument = "bare-handler"

func serveBare(address string) error {
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "OK")
	}))
}

// startBare starts it; the process ends with this one at the latest.
func startBare(address string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, bareArgument, address)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd, cmd.Start()
}
