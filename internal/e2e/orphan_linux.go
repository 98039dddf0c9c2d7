package e2e

import "syscall"

// processAttributes let no process outlive the one that started it, however
// that ends. In a group of its own, an interrupt at the terminal does not reach it.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
