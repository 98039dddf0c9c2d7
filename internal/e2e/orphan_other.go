//go:build !linux

package e2e

import "syscall"

// processAttributes keep an interrupt at the terminal from the process. Only
// Linux can also end it with the process that started it.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
