package supervisor

// common to all components: what the user's shell has set is not theirs. Many small programs share few CPUs, so none has use for many threads.
var common = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "GOMAXPROCS=2"}

// beside is the environment of what runs beside the nodes, where /tmp is the machine's, and not to be written.
func (s *supervisor) beside() []string { return []string{"TMPDIR=" + s.dir.Path("tmp")} }
