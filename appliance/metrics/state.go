package metrics

import "time"

// Word is how something is doing that may not be there at all.
type Word string

const (
	Absent  Word = ""        // it is not set up
	Waiting Word = "waiting" // not asked yet
	Good    Word = "good"
	Failing Word = "failing"
)

// State is everything that is counted, at one moment. Counters count since the start of the process.
type State struct {
	Version string
	Started time.Time
	Ready   map[string]bool // parts that must answer
	// Attention is what somebody should look after, by its code: 1, or 2 where people feel it or will soon.
	Attention map[string]int

	Calls    int
	People   map[string]int // connected to calls, by how their media come: Transports
	Rooms    int            // kept
	Accounts int
	Begun    uint64 // calls
	Epochs   uint64 // keys of calls that took the place of others
	Joins    uint64 // admissions into calls
	JoinTime Distribution

	Media     Media
	Relayed   int // allocations of the relay
	Sockets   int // signalling connections
	Requests  map[Request]uint64
	Answering Distribution
	SignIns   map[string]uint64 // by SignInResults

	Forwarding     Word // of the audit log
	ForwardingWait uint64
	Mail           Word
	MailQueue      int
	MailLost       int // given up
	Directory      Word
	Provider       Word

	Database    int64 // octets of the file
	Free        int64 // octets in it that wait to be used again
	Reserved    int64 // octets of the disk that are held for when it is full
	Commits     Distribution
	AuditHead   uint64
	Devices     uint64    // records of their key log
	Certificate time.Time // its end
	Backup      time.Time // the last good one; zero: none, or none is made here
	// BackupEvery is the time from one backup to the next, as planned; 0: none is planned. BackupFailing: the last try failed.
	BackupEvery   time.Duration
	BackupFailing bool
	Disk          Disk
	Jumps         uint64          // of the clock
	Waiting       int             // settings that wait for a restart
	Closed        map[string]bool // protections of the process: in force or not

	Process Process
}

// Media is what the forwarding path did and how its receivers' lines are.
type Media struct {
	Received, Forwarded             uint64 // packets
	ReceivedOctets, ForwardedOctets uint64
	Refused                         map[string]uint64 // packets that the gate did not let through, by reason
	Lines                           map[string]int    // receivers, by what their line is estimated to carry: LineClasses
	Losses                          map[string]int    // receivers, by the loss on it: LossClasses
	Load                            float64           // of what the path can do, 0 to 1
}

// Request is a class of HTTP requests.
type Request struct {
	Class  string // Classes
	Status int
}

// Disk is the file system of the data.
type Disk struct{ Size, Free uint64 } // octets; Free for the service

// Process is what the process takes of the machine.
type Process struct {
	CPU         time.Duration // since the start
	Cores       int
	Memory      uint64 // octets taken from the system
	MemoryLimit uint64 // octets; 0: there is none
	Heap        uint64 // octets of living and not yet collected objects
	Goroutines  int
	Collections uint64
	Paused      time.Duration // by the collector, since the start
	Files       int
}

// The values that labels may have. What isn't here is "other".
var (
	Transports    = []string{"udp", "tcp", "relay", "none"}
	Reasons       = []string{"no-header", "bad-header", "bad-prefix", "bad-descriptor", "wrong-kid", "old-epoch", "future-epoch", "replayed", "no-room-for-tag", "no-first-packet", "held-too-long", "held-too-much", "not-admitted", "too-large"}
	LineClasses   = []string{"unlimited", "over_3m", "1m_to_3m", "300k_to_1m", "under_300k"}
	LossClasses   = []string{"under_1_percent", "1_to_5_percent", "over_5_percent"}
	Classes       = []string{"page", "api", "console", "scim", "provider", "socket", "metrics"}
	SignInResults = []string{"ok", "refused", "limited"}
	Statuses      = []string{"1xx", "2xx", "3xx", "4xx", "5xx"}
)

// LineClass says which class a line is of that carries so many bits a second; 0: it has no limit.
func LineClass(bits int64) string {
	switch {
	case bits <= 0:
		return "unlimited"
	case bits > 3_000_000:
		return "over_3m"
	case bits > 1_000_000:
		return "1m_to_3m"
	case bits > 300_000:
		return "300k_to_1m"
	}
	return "under_300k"
}

// LossClass says which class a loss is of, given as a part of 1.
func LossClass(loss float64) string {
	switch {
	case loss < 0.01:
		return "under_1_percent"
	case loss <= 0.05:
		return "1_to_5_percent"
	}
	return "over_5_percent"
}

// Page writes the state out. now is for what is counted from the present.
func (s State) Page(now time.Time) Page {
	var p Page
	p.add("huisclos_build_info", "Always 1; the version of the program.", gauge, sample{labels: []string{"version", s.Version}, value: 1})
	p.one(gauge, "huisclos_start_time_seconds", "When the appliance started, in Unix time.", unix(s.Started))
	var parts []sample
	for _, part := range ReadyParts {
		parts = append(parts, sample{labels: []string{"part", part}, value: truth(s.Ready[part])})
	}
	p.add("huisclos_ready", "Whether a part that people need answers: 1, or 0. The part calls is 0 while none may begin.", gauge, parts...)
	by(&p, gauge, "huisclos_attention", "What needs attention, as the console lists it: 1, or 2 where people feel it or will soon; 0: nothing.", "matter", AttentionCodes, s.Attention)
	s.calls(&p)
	s.media(&p)
	s.web(&p)
	s.beside(&p, now)
	s.process(&p)
	return p
}

// ReadyParts are what must answer before people are sent here.
var ReadyParts = []string{"database", "listeners", "rooms", "running", "calls"}

// AttentionCodes are those of what somebody may have to look after.
var AttentionCodes = []string{"database", "disk-full", "read-only", "device-log", "disk", "certificate-expired", "certificate-soon", "mail", "directory", "directory-held", "provider",
	"forwarding", "backup", "backup-copy", "backup-late", "backup-off", "drain", "webhook", "load", "memory", "clock", "sandbox", "settings"}

func (s State) calls(p *Page) {
	p.one(gauge, "huisclos_calls", "Calls in progress, each in a room of its own.", float64(s.Calls))
	by(p, gauge, "huisclos_people", "People connected to calls, by how their media come.", "transport", Transports, s.People)
	p.one(gauge, "huisclos_rooms", "Rooms that are kept.", float64(s.Rooms))
	p.one(gauge, "huisclos_accounts", "Accounts that are kept.", float64(s.Accounts))
	p.one(counter, "huisclos_calls_started_total", "Calls that began.", float64(s.Begun))
	p.one(counter, "huisclos_epochs_total", "Epochs of calls: keys that took the place of others, at each coming and going.", float64(s.Epochs))
	p.one(counter, "huisclos_joins_total", "Admissions into calls.", float64(s.Joins))
	p.distribution("huisclos_join_duration_seconds", "From the admission into a call to the first media connection.", s.JoinTime)
}

func (s State) media(p *Page) {
	m := s.Media
	p.one(counter, "huisclos_media_received_packets_total", "Media packets that arrived and were genuine for their connection.", float64(m.Received))
	p.one(counter, "huisclos_media_received_bytes_total", "Octets of those packets.", float64(m.ReceivedOctets))
	p.one(counter, "huisclos_media_forwarded_packets_total", "Sealed packets forwarded to receivers.", float64(m.Forwarded))
	p.one(counter, "huisclos_media_sent_bytes_total", "Octets of media sent to receivers, with what was sent again.", float64(m.ForwardedOctets))
	by(p, counter, "huisclos_gate_refused_packets_total", "Packets that the gate refused, by reason.", "reason", Reasons, m.Refused)
	by(p, gauge, "huisclos_receivers_by_line", "Receivers by what their line is estimated to carry, in bits per second.", "line", LineClasses, m.Lines)
	by(p, gauge, "huisclos_receivers_by_loss", "Receivers by the packets lost on their line.", "loss", LossClasses, m.Losses)
	p.one(gauge, "huisclos_forwarding_load_ratio", "How much of what the forwarding path can do is used; above 0.75 no new call begins.", m.Load)
	p.one(gauge, "huisclos_relay_allocations", "Allocations of the relay (TURN).", float64(s.Relayed))
}

func (s State) web(p *Page) {
	p.one(gauge, "huisclos_websocket_connections", "Signalling connections that are open.", float64(s.Sockets))
	list := []sample{}
	for _, class := range Classes {
		for i, status := range Statuses {
			var n uint64
			for r, count := range s.Requests {
				if r.Class == class && r.Status/100 == i+1 {
					n += count
				}
			}
			list = append(list, sample{labels: []string{"class", class, "status", status}, value: float64(n)})
		}
	}
	p.add("huisclos_http_requests_total", "HTTP requests by class of the route and of the answer.", counter, list...)
	p.distribution("huisclos_http_request_duration_seconds", "Time until the answer, without signalling connections and without sign-ins, which wait on purpose.", s.Answering)
	by(p, counter, "huisclos_sign_ins_total", "Sign-ins by result.", "result", SignInResults, s.SignIns)
}

func (s State) beside(p *Page, now time.Time) {
	word := func(name, help string, w Word) {
		if w == Good || w == Failing {
			p.one(gauge, name, help, truth(w == Good))
		}
	}
	if s.Mail != Absent {
		p.one(gauge, "huisclos_mail_queue_messages", "Mails that wait to be sent.", float64(s.MailQueue))
		p.one(counter, "huisclos_mail_given_up_total", "Mails that were given up.", float64(s.MailLost))
	}
	if s.Forwarding != Absent {
		p.one(gauge, "huisclos_audit_forwarding_waiting", "Entries of the audit log that the collector has not confirmed.", float64(s.ForwardingWait))
	}
	word("huisclos_audit_forwarding_up", "Whether the audit log reaches its collector: 1, or 0. Only where there is one.", s.Forwarding)
	word("huisclos_mail_up", "Whether mails leave: 1, or 0. Only where mail is set up.", s.Mail)
	word("huisclos_directory_up", "Whether the directory could be read the last time: 1, or 0. Only where there is one.", s.Directory)
	word("huisclos_provider_up", "Whether the provider of sign-in answered the last time: 1, or 0. Only where there is one.", s.Provider)
	p.one(gauge, "huisclos_database_size_bytes", "Size of the database file.", float64(s.Database))
	p.one(gauge, "huisclos_database_free_bytes", "Room in the database file that waits to be used again.", float64(s.Free))
	p.one(gauge, "huisclos_disk_reserved_bytes", "Room on the disk that is held for the audit log of a full disk; 0 once it was given up.", float64(s.Reserved))
	p.distribution("huisclos_database_commit_duration_seconds", "How long a commit took to be on the disk.", s.Commits)
	p.one(gauge, "huisclos_audit_sequence", "Sequence of the last entry of the audit log. It never falls.", float64(s.AuditHead))
	p.one(gauge, "huisclos_device_log_records", "Records of the key log of devices. They never become fewer but by a restore.", float64(s.Devices))
	p.one(gauge, "huisclos_certificate_expiry_seconds", "End of the certificate in use, in Unix time.", unix(s.Certificate))
	if !s.Backup.IsZero() {
		p.one(gauge, "huisclos_backup_age_seconds", "Age of the last good backup. Missing while there is none.", now.Sub(s.Backup).Seconds())
	}
	if s.BackupEvery > 0 {
		p.one(gauge, "huisclos_backup_period_seconds", "Time from one backup to the next, as planned. Missing where none is planned.", s.BackupEvery.Seconds())
	}
	if s.BackupEvery > 0 || !s.Backup.IsZero() || s.BackupFailing {
		p.one(gauge, "huisclos_backup_failing", "Whether the last try of a backup, or of its copy, failed: 1, or 0.", truth(s.BackupFailing))
	}
	p.one(gauge, "huisclos_disk_size_bytes", "Size of the file system of the data.", float64(s.Disk.Size))
	p.one(gauge, "huisclos_disk_free_bytes", "Room that is left on it for the service.", float64(s.Disk.Free))
	p.one(counter, "huisclos_clock_jumps_total", "Times at which the machine's clock jumped.", float64(s.Jumps))
	p.one(gauge, "huisclos_settings_waiting", "Settings that wait for a restart.", float64(s.Waiting))
	var list []sample
	for _, name := range Protections {
		if in, known := s.Closed[name]; known {
			list = append(list, sample{labels: []string{"protection", name}, value: truth(in)})
		}
	}
	p.add("huisclos_protection", "Whether a protection of the process is in force: 1, or 0. huisclos check says what each is good for.", gauge, list...)
}

// Protections are the lines of the self-check that a page shows.
var Protections = []string{"no-new-privileges", "not-dumpable", "no-core-dump", "landlock", "seccomp", "no-capabilities", "no-network", "not-root", "plain-tcp", "memory-limit", "no-swap"}

func (s State) process(p *Page) {
	r := s.Process
	p.one(counter, "process_cpu_seconds_total", "Processor time of the process, in user and system mode.", r.CPU.Seconds())
	p.one(gauge, "huisclos_cpu_cores", "Processors that the process may use.", float64(r.Cores))
	p.one(gauge, "process_resident_memory_bytes", "Memory that the process has taken from the system.", float64(r.Memory))
	p.one(gauge, "huisclos_memory_limit_bytes", "Memory that the process may take; 0: there is no limit.", float64(r.MemoryLimit))
	p.one(gauge, "go_memstats_heap_alloc_bytes", "Octets of objects in the heap.", float64(r.Heap))
	p.one(gauge, "go_goroutines", "Goroutines.", float64(r.Goroutines))
	p.one(counter, "go_gc_cycles_total", "Collections of the garbage collector.", float64(r.Collections))
	p.one(counter, "go_gc_pause_seconds_total", "Time for which the collector stopped everything, estimated from its distribution.", r.Paused.Seconds())
	p.one(gauge, "process_open_fds", "Open file descriptors.", float64(r.Files))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}
