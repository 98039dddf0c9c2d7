package main

import (
	"strings"
	"time"

	"rollcall/internal/monitor"
	"rollcall/templates"
)

// tour is a demonstration beside the sample: what its inbox and its receiver show.
type tour struct{ watched monitor.CheckID }

func (t tour) Tour() templates.Tour {
	return templates.Tour{
		Email: email, Password: "k3qjotz7lgyq7gokd5l", Checks: 22, Check: t.watched, Name: "Search re-index",
		Ping: "http://localhost:8000/ping/3f6d2b90-51c7-4f0e-9a63-0c1d8e7b5a42", Keeps: 100,
	}
}

func (tour) Mails() []templates.CaughtMail {
	var mails []templates.CaughtMail
	for i, about := range []string{"Down: Offsite backup. Nothing arrived by 02:15", "Up: Nightly report. Back up after 23 h", "Down: Invoice export. Reported exit status 1 after 43 s"} {
		mails = append(mails, templates.CaughtMail{
			N: 3 - i, At: moment().Add(-time.Duration(i*i+1) * minute), To: email, Subject: about,
			Head: "From: Rollcall <alerts@northwind.example>\nTo: " + email + "\nSubject: " + about + "\nAuto-Submitted: auto-generated",
			Text: about + ".\n\nOpen the check: http://localhost:8000/go/d876fa730b0af569ff88\n",
			HTML: "<!doctype html><html lang=\"en\"><head><title>Alert</title></head><body><h1>" + about + "</h1></body></html>",
		})
	}
	return mails
}

func (tour) Hooks() []templates.CaughtHook {
	hook := templates.CaughtHook{
		At: moment().Add(-minute), ID: "msg_6764980af18c66b387eed62ad6c2d5b6", About: "check.down, Offsite backup", Tried: 1, Code: 204,
		Head: "content-type: application/json\nwebhook-id: msg_6764980af18c66b387eed62ad6c2d5b6\nwebhook-signature: v1," + strings.Repeat("qT7EohNb", 5) + "=",
		Body: "{\n  \"type\": \"check.down\",\n  \"data\": {\"check\": {\"name\": \"Offsite backup\"}}\n}",
	}
	again, forged := hook, hook
	again.Tried, again.Code = 2, 503
	forged.ID, forged.About, forged.Wrong = "msg_0", "check.up, Offsite backup", "no signature of it is right"
	hooks := []templates.CaughtHook{again, hook, forged}
	for i := range hooks {
		hooks[i].N = len(hooks) - i
	}
	return hooks
}

// Refuse does nothing: nobody presses a button here.
func (tour) Refuse(bool) {}

func (tour) Refusing() bool { return true }
