package e2e_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The units in which a kernel caches a file, and in which a disk writes.
const (
	cachePage  = 4096
	diskSector = 512
)

// disk is what a kernel and a disk know of files: what programs see, what would
// survive the loss of power for certain, and what might.
//
// An fsync that failed leaves its pages clean although they are not on the disk, as
// Linux does: they are lost unless they are written once more.
type disk map[string]*diskFile

type diskFile struct {
	seen    []byte
	durable []byte
	dirty   map[int64][][]byte // by page: what it was since the last fsync, one after the other
}

// loadDisk begins with the files of a directory as they are.
func loadDisk(t *testing.T, paths ...string) disk {
	t.Helper()
	d := disk{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d[filepath.Base(path)] = &diskFile{seen: text, durable: append([]byte(nil), text...), dirty: map[int64][][]byte{}}
	}
	return d
}

// clone returns a disk of its own.
func (d disk) clone() disk {
	other := disk{}
	for name, f := range d {
		other[name] = &diskFile{slices.Clone(f.seen), slices.Clone(f.durable), maps.Clone(f.dirty)}
	}
	return other
}

// apply does what a system call does.
func (d disk) apply(call syscallOnFile) {
	f := d[call.file]
	if f == nil {
		return // it is none of the database
	}
	switch call.name {
	case "pwrite64":
		if !call.failed {
			f.write(call.number, call.data)
		}
	case "ftruncate": // lengths are safe at once: file systems keep a log of them
		f.seen, f.durable = resized(f.seen, call.number), resized(f.durable, min(call.number, int64(len(f.durable))))
	case "fsync", "fdatasync":
		if !call.failed {
			for page, images := range f.dirty {
				f.durable = put(f.durable, page*cachePage, images[len(images)-1])
			}
		}
		clear(f.dirty)
	}
}

func (f *diskFile) write(at int64, data []byte) {
	f.seen = put(f.seen, at, data)
	for page := at / cachePage; page*cachePage < at+int64(len(data)); page++ {
		end := min((page+1)*cachePage, int64(len(f.seen)))
		f.dirty[page] = append(f.dirty[page], append([]byte(nil), f.seen[page*cachePage:end]...))
	}
}

// loss says what becomes of a page that is not safe when the power goes.
type loss int

const (
	dropped loss = iota
	anyhow       // dropped, kept as it was at some moment, or torn between two sectors
)

// cut writes the files as they are found after the power went, into a directory.
func (d disk) cut(t *testing.T, dir string, random *rand.Rand, how loss) {
	t.Helper()
	for name, f := range d {
		left := append([]byte(nil), f.durable...)
		for page, images := range f.dirty {
			if how == dropped || random.IntN(3) == 0 {
				continue
			}
			image := images[random.IntN(len(images))]
			if random.IntN(2) == 0 {
				image = image[:min(len(image), diskSector*random.IntN(cachePage/diskSector))]
			}
			left = put(left, page*cachePage, image)
		}
		if err := os.WriteFile(filepath.Join(dir, name), left, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// put writes data at a place of a file, which grows if it must.
func put(file []byte, at int64, data []byte) []byte {
	file = resized(file, max(int64(len(file)), at+int64(len(data))))
	copy(file[at:], data)
	return file
}

func resized(file []byte, length int64) []byte {
	if grow := length - int64(len(file)); grow > 0 {
		return append(file, make([]byte, grow)...)
	}
	return file[:length]
}
