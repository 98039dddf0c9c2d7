package app

import "golang.org/x/sys/unix"

// diskRoom returns what is free for us, and the size, of the file system that a
// directory is on.
func diskRoom(dir string) (free, size uint64, err error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, 0, err
	}
	block := uint64(stat.Bsize)
	return stat.Bavail * block, stat.Blocks * block, nil
}
