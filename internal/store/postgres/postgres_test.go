package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"rollcall/internal/pgtest"
	"rollcall/internal/store"
	"rollcall/internal/store/postgres"
	"rollcall/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func migrate(ctx context.Context, address string) error {
	s, err := postgres.Open(ctx, address)
	if err != nil {
		return err
	}
	return s.Close()
}

func TestStore(t *testing.T) {
	addresses := map[store.Store]string{}
	storetest.Run(t, storetest.Engine{
		Open: func(t *testing.T) store.Store {
			address := pgtest.Prepared(t, migrate, pgtest.Durable)
			s, err := postgres.Open(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			addresses[s] = address
			return s
		},
		Exec: func(t *testing.T, s store.Store, text string) {
			conn, err := pgx.Connect(t.Context(), addresses[s])
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			if _, err := conn.Exec(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		},
		FailDeliveryInserts: `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no delivery today'; END $$;
			CREATE TRIGGER fail BEFORE INSERT ON deliveries FOR EACH ROW EXECUTE FUNCTION fail()`,
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for address, want := range map[string]string{
		"postgres://nobody@127.0.0.1:1/none?connect_timeout=1": "connect",
		"postgres://%zz": "not a valid postgres:// address",
	} {
		_, err := postgres.Open(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}
