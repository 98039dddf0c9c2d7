package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"rollcall/internal/importer"
)

// readSource reads a file, or standard input for -.
func readSource(name string, stdin io.Reader) (string, error) {
	if name == "-" {
		text, err := importer.Read(stdin)
		if err != nil {
			return "", fmt.Errorf("read standard input: %w", err)
		}
		return text, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := importer.Read(file)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return text, nil
}

// read reads the crontabs that are named, or the user's own.
func (c importCrontab) read(ctx context.Context, stdin io.Reader) ([]importer.Crontab, error) {
	if len(c.From) == 0 {
		text, err := ownCrontab(ctx)
		return []importer.Crontab{{Name: "crontab", Text: text}}, err
	}
	var crontabs []importer.Crontab
	for _, name := range c.From {
		files, err := crontabFiles(name)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			text, err := readSource(file, stdin)
			if err != nil {
				return nil, err
			}
			if file == "-" {
				file = "crontab"
			}
			crontabs = append(crontabs, importer.Crontab{Name: file, Text: text, System: c.System || ofTheSystem(file)})
		}
	}
	if len(crontabs) == 0 {
		return nil, fmt.Errorf("there is no crontab in %s", strings.Join(c.From, ", "))
	}
	return crontabs, nil
}

// ownCrontab is what crontab -l prints.
func ownCrontab(ctx context.Context) (string, error) {
	var out, said bytes.Buffer
	list := exec.CommandContext(ctx, "crontab", "-l")
	list.Stdout, list.Stderr = &out, &said
	if err := list.Run(); err != nil {
		if words := strings.TrimSpace(said.String()); words != "" {
			return "", fmt.Errorf("crontab -l says: %s", printable(words))
		}
		return "", fmt.Errorf("run crontab -l (%w): name a file instead", err)
	}
	return importer.Read(&out)
}

// cronName is what the name of a file in /etc/cron.d is like: cron reads no other.
var cronName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// crontabFiles are the crontabs in a directory, or the one that is named.
func crontabFiles(name string) ([]string, error) {
	if name == "-" {
		return []string{name}, nil
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return []string{name}, nil // a file; reading it says what is wrong
	}
	var files []string
	for _, entry := range entries {
		if cronName.MatchString(entry.Name()) && !entry.IsDir() {
			files = append(files, filepath.Join(name, entry.Name()))
		}
	}
	return files, nil
}

// ofTheSystem reports whether the crontab at a path has a column for the user.
func ofTheSystem(name string) bool {
	path, err := filepath.Abs(name)
	return err == nil && (path == "/etc/crontab" || filepath.Dir(path) == "/etc/cron.d")
}

// readUnits reads the unit files that are named, or those of this machine and
// user.
func readUnits(names []string, stdin io.Reader) ([]importer.Unit, error) {
	if len(names) == 0 {
		names = []string{"/etc/systemd/system"}
		if config, err := os.UserConfigDir(); err == nil {
			names = append(names, filepath.Join(config, "systemd", "user"))
		}
		names = slices.DeleteFunc(names, func(dir string) bool { _, err := os.Stat(dir); return errors.Is(err, fs.ErrNotExist) })
	}
	var units []importer.Unit
	for _, name := range names {
		if name == "-" {
			text, err := readSource(name, stdin)
			if err != nil {
				return nil, err
			}
			units = append(units, importer.SplitUnits(text)...)
			continue
		}
		found, err := unitFiles(name)
		if err != nil {
			return nil, err
		}
		units = append(units, found...)
	}
	if len(units) == 0 {
		return nil, fmt.Errorf("there are no timers in %s", strings.Join(names, ", "))
	}
	return units, nil
}

// unitFiles reads the timers in a directory, or the one that is named, each with
// its drop-ins.
func unitFiles(name string) ([]importer.Unit, error) {
	paths := []string{name}
	if info, err := os.Stat(name); err != nil {
		return nil, err
	} else if info.IsDir() {
		if paths, err = filepath.Glob(filepath.Join(name, "*.timer")); err != nil {
			return nil, err
		}
	}
	var units []importer.Unit
	for _, path := range paths {
		full, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		dropIns, err := filepath.Glob(filepath.Join(full+".d", "*.conf"))
		if err != nil {
			return nil, err
		}
		unit := importer.Unit{Path: full}
		for _, part := range append([]string{full}, dropIns...) {
			text, err := readSource(part, nil)
			if err != nil {
				return nil, err
			}
			unit.Text += text + "\n"
		}
		units = append(units, unit)
	}
	return units, nil
}

// machineZone is the time zone of the machine whose files are below root; UTC
// when they do not say.
func machineZone(root string) string {
	if text, err := os.ReadFile(filepath.Join(root, "etc/timezone")); err == nil {
		if zone := strings.TrimSpace(string(text)); zone != "" {
			return zone
		}
	}
	if link, err := os.Readlink(filepath.Join(root, "etc/localtime")); err == nil {
		if _, zone, ok := strings.Cut(link, "zoneinfo/"); ok {
			return zone
		}
	}
	return "UTC"
}

// userName is whose jobs these are; "" when that is not known.
func userName() string {
	if u, err := osuser.Current(); err == nil {
		return u.Username
	}
	return ""
}
