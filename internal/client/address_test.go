package client_test

import (
	"strings"
	"testing"

	"rollcall/internal/client"
)

const (
	checkUUID = "5f0b3a52-9c1d-4e7f-8a6b-2d3c4e5f6a7b"
	pingKey   = "geheimgeheimgeheim0123"
	server    = "https://rollcall.test"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		check, server, key string
		want               string // ping URL
		slug               string
	}{
		{checkUUID, server, "", "https://rollcall.test/ping/" + checkUUID, ""},
		{strings.ToUpper(checkUUID), server + "/", pingKey, "https://rollcall.test/ping/" + checkUUID, ""},
		{" " + checkUUID + "\n", "http://127.0.0.1:8000", "", "http://127.0.0.1:8000/ping/" + checkUUID, ""},
		{"nightly", server, pingKey, "https://rollcall.test/ping/" + pingKey + "/nightly", "nightly"},
		{"nightly", server + "/watch/?x=1#y", pingKey, "https://rollcall.test/watch/ping/" + pingKey + "/nightly", "nightly"},
		{"start", server, pingKey, "https://rollcall.test/ping/" + pingKey + "/start", "start"},
		{"https://other.test/ping/" + checkUUID, server, pingKey, "https://other.test/ping/" + checkUUID, ""},
		{"HTTPS://other.test/ping/" + strings.ToUpper(checkUUID) + "/", "", "", "https://other.test/ping/" + checkUUID, ""},
		{"https://hosted.test/" + checkUUID, "", "", "https://hosted.test/" + checkUUID, ""},
		{"https://hosted.test/" + pingKey + "/nightly?create=1", "", "", "https://hosted.test/" + pingKey + "/nightly?create=1", "nightly"},
		{"https://me:pass@other.test/ping/" + pingKey + "/nightly?create=0&rid=x", "", "", "https://me:pass@other.test/ping/" + pingKey + "/nightly", "nightly"},
	} {
		got, err := client.ParseAddress(c.check, c.server, c.key)
		if err != nil {
			t.Errorf("%s: %v", c.check, err)
			continue
		}
		if got.URL() != c.want || got.Slug() != c.slug {
			t.Errorf("%s at %s: %s with slug %q, want %s with %q", c.check, c.server, got.URL(), got.Slug(), c.want, c.slug)
		}
		if text := got.String(); strings.Contains(text, checkUUID) || strings.Contains(text, pingKey) || strings.Contains(text, "pass") {
			t.Errorf("%q has a secret in it", text)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	const needs = "a check is named by its ping URL, its UUID, or its slug: at most 100 lower-case letters, digits, dashes and underscores"
	for _, c := range []struct{ check, server, key, want string }{
		{"", server, pingKey, "no check is named"},
		{"nightly", server, "", "a check that is named by its slug needs the ping key of its project"},
		{"nightly", server, "a/b", "the ping key has characters that none has: only letters, digits, dashes and underscores"},
		{"nightly", "", pingKey, "it is not known where the server is: its URL is needed, such as https://rollcall.example.org"},
		{"nightly", "rollcall.test", pingKey, "the server's URL must be one such as https://rollcall.example.org"},
		{"nightly", "ftp://rollcall.test", pingKey, "the server's URL must be one such as https://rollcall.example.org"},
		{"Nightly", server, pingKey, needs},
		{"a/b", server, pingKey, needs},
		{strings.Repeat("s", 101), server, pingKey, needs},
		{"https://rollcall.test/ping/" + checkUUID + "/start", "", "", "the ping URL must end with the check's UUID: what happened is added to it"},
		{"https://rollcall.test/checks", "", "", "the ping URL must end with the check's UUID, or with a ping key and a slug"},
		{"https://rollcall.test/" + pingKey + "/Nightly", "", "", "the ping URL must end with the check's UUID, or with a ping key and a slug"},
		{"https:///" + checkUUID, "", "", "the ping URL cannot be read: it must be one such as https://rollcall.example.org/ping/<uuid>"},
		{"https://rollcall.test/%zz" + checkUUID, "", "", "the ping URL cannot be read: it must be one such as https://rollcall.example.org/ping/<uuid>"},
	} {
		got, err := client.ParseAddress(c.check, c.server, c.key)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: %v, %v; want %s", c.check, got, err, c.want)
		}
	}
}

func TestParsePing(t *testing.T) {
	for text, want := range map[string]client.Ping{
		"success": {Signal: client.Success}, "fail": {Signal: client.Fail}, "start": {Signal: client.Start}, "log": {Signal: client.Log},
		"0": client.Exited(0), "1": client.Exited(1), "255": client.Exited(255), "-1": client.Exited(-1),
		"-2147483648": client.Exited(-1 << 31), "4294967295": client.Exited(1<<32 - 1),
	} {
		got, err := client.ParsePing(text)
		if err != nil || got.Signal != want.Signal || (got.Exit == nil) != (want.Exit == nil) || got.Exit != nil && *got.Exit != *want.Exit {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	if s := client.Exited(0).Signal; s != client.Success {
		t.Errorf("exit status 0 is %s", s)
	}
	if s := client.Exited(-3).Signal; s != client.Fail {
		t.Errorf("exit status -3 is %s", s)
	}
	for text, want := range map[string]string{
		"":            `"" is none of start, success, fail, log, and no exit status`,
		"Start":       `"Start" is none of start, success, fail, log, and no exit status`,
		"0x1":         `"0x1" is none of start, success, fail, log, and no exit status`,
		"4294967296":  "exit status 4294967296 is not from -2147483648 to 4294967295",
		"-2147483649": "exit status -2147483649 is not from -2147483648 to 4294967295",
	} {
		if got, err := client.ParsePing(text); err == nil || err.Error() != want {
			t.Errorf("%q: %+v, %v; want %s", text, got, err, want)
		}
	}
}
