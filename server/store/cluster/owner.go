package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// Owner is the system user a cluster belongs to and runs as. PostgreSQL refuses to run as root.
type Owner struct {
	Name     string
	uid, gid uint32
	other    bool // another user than ours: processes must change to it
}

// PickOwner chooses the owner: an ordinary user for itself; for root "postgres", else "nobody".
func PickOwner() (Owner, error) {
	if os.Geteuid() != 0 {
		return Owner{Name: "uid " + strconv.Itoa(os.Geteuid()), uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(account.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(account.Gid, 10, 32)
		if errors.Join(err1, err2) == nil {
			return Owner{Name: name, uid: uint32(uid), gid: uint32(gid), other: true}, nil
		}
	}
	return Owner{}, errors.New("PostgreSQL does not run as root, and this machine has neither a user \"postgres\" nor \"nobody\"")
}

// OwnerOf finds the owner of an existing cluster folder. Root runs it as the user it belongs to, whoever that is; others only their own.
func OwnerOf(dataDir string) (owner Owner, exists bool, err error) {
	info, err := os.Stat(dataDir)
	if errors.Is(err, os.ErrNotExist) {
		return Owner{}, false, nil
	}
	if err != nil {
		return Owner{}, false, fmt.Errorf("look at the cluster folder: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Owner{}, false, fmt.Errorf("the owner of %s cannot be found", dataDir)
	}
	owner = Owner{Name: "uid " + strconv.Itoa(int(stat.Uid)), uid: stat.Uid, gid: stat.Gid}
	if account, err := user.LookupId(strconv.Itoa(int(stat.Uid))); err == nil {
		owner.Name = account.Username
	}
	if int(stat.Uid) == os.Geteuid() && stat.Uid != 0 {
		return owner, true, nil
	}
	if os.Geteuid() != 0 || stat.Uid == 0 {
		return Owner{}, false, fmt.Errorf("the database folder %s belongs to %s: start the server as that user or as root, or set OMNI_DATA_DIR",
			dataDir, owner.Name)
	}
	owner.other = true
	return owner, true, nil
}

// command prepares a program of the owner: its rights without further groups, working directory /, a clean environment.
func (o Owner) command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if o.other {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: o.uid, Gid: o.gid, Groups: []uint32{}}
	}
	return cmd
}

// give hands a file or folder to the owner.
func (o Owner) give(path string) error {
	if !o.other {
		return nil
	}
	if err := os.Chown(path, int(o.uid), int(o.gid)); err != nil {
		return fmt.Errorf("give %s to %s: %w", path, o.Name, err)
	}
	return nil
}

// CanEnter tells whether the owner can walk the whole path to a folder: the kernel is asked by a program that starts there.
func (o Owner) CanEnter(folder string) bool {
	cmd := o.command("/bin/true")
	cmd.Dir = folder
	return cmd.Run() == nil
}

// canRun tells whether the owner can start the programs, which it cannot when they lie below a closed home.
func (o Owner) canRun(programs Programs) bool {
	return o.command(programs.path("postgres"), "--version").Run() == nil
}
