package scheduler_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/internal/monitor"
	"rollcall/internal/prove"
	"rollcall/internal/schedule"
	"rollcall/internal/store/sqlite"
)

// TestARestoredBackupWakesNobody goes on for two hours after a backup, and then
// restores it: what reported meanwhile is not known any more, and is not called down.
func TestARestoredBackupWakesNobody(t *testing.T) {
	trials, alarms := 0, 0
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		specs := map[string]schedule.Spec{
			"each minute": every(time.Minute), "each hour": every(time.Hour),
			"each day": {Kind: schedule.Cron, Expr: "0 1 * * *", Zone: "UTC"},
		}
		jobs := map[string]monitor.Check{}
		for name, spec := range specs {
			jobs[name] = w.check(name, spec, time.Minute)
			w.ping(jobs[name], monitor.Success)
		}
		dead := w.check("dead", every(time.Minute), time.Minute)
		work := func(span time.Duration) {
			for began := now(); now().Sub(began) < span; time.Sleep(30 * time.Second) {
				w.ping(jobs["each minute"], monitor.Success)
				if now().Sub(began)%(30*time.Minute) == 0 {
					w.ping(jobs["each hour"], monitor.Success)
				}
				if now().Hour() == 1 && now().Minute() == 0 {
					w.ping(jobs["each day"], monitor.Success)
				}
			}
		}
		stop := w.running(w.scheduler())
		work(10 * time.Minute)
		w.ping(dead, monitor.Success) // the last that it did
		backup, made := filepath.Join(t.TempDir(), "backup.db"), now()
		if _, err := sqlite.Backup(t.Context(), w.path, backup, now(), func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		work(2 * time.Hour) // 01:00 among them
		stop()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		restored := filepath.Join(t.TempDir(), "restored.db")
		if _, err := sqlite.Install(backup, restored, false, now()); err != nil {
			t.Fatal(err)
		}
		st, err := sqlite.Open(t.Context(), restored)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		w.Store = st
		defer w.running(w.scheduler())()
		work(3 * time.Hour)
		synctest.Wait()

		blinds, err := st.Blinds(t.Context(), time.Time{}, 10)
		if err != nil || len(blinds) != 1 || blinds[0].From.Sub(made).Abs() > 10*time.Second {
			t.Errorf("blind intervals: %v, %v, want one from the backup on", blinds, err)
		}
		for name, c := range jobs {
			trials++
			for _, f := range w.flips(c) {
				if f.New == monitor.Down {
					alarms++
					t.Errorf("%s was called down at %v", name, f.At)
				}
			}
		}
		if got := w.read(dead).Status; got != monitor.Down {
			t.Errorf("the dead job is %s", got)
		}
		broken, err := st.Violations(t.Context(), now(), now())
		if err != nil || len(broken) > 0 {
			t.Errorf("violations: %v, %v", broken, err)
		}
	})
	prove.Report(t, "RESTORE: a job that reported between the backup and the restore is not called down", trials, alarms)
}
