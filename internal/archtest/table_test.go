package archtest_test

// line says what a package may import of ours. The paths are words, relative to
// the module; "pure" stands for the pure packages, "*" for everything.
type line struct {
	may string
	// tests: what is for tests and measurements only may be imported by nothing
	// that runs in production.
	tests bool
	// why a package may import what a look at the others would not suggest.
	why string
}

// pure packages hold the rules. Nothing they reach talks to a database or the network.
const pure = "internal/schedule internal/monitor internal/account internal/sealed internal/fault"

// table has a line for every package. Direction: pure ← store ← workers ← web ←
// app ← cmd; workers never import one another, they meet in the store.
var table = map[string]line{
	"cmd/rollcall": {may: "internal/app internal/demo internal/client internal/provision internal/importer internal/schedule"},
	"internal/app": {may: "*", why: "it wires everything together"},
	"internal/demo": {
		may: "pure internal/store internal/app internal/client internal/sample internal/mailcatch templates web",
		why: "it starts the real server and stands around it",
	},

	"internal/fault":     {},
	"internal/failpoint": {may: "internal/fault", why: "what it lets fail is a failure of a kind that is met in earnest"},
	"internal/schedule":  {may: "internal/fault"},
	"internal/monitor":   {may: "internal/schedule internal/fault"},
	"internal/account":   {may: "internal/monitor internal/schedule internal/fault", why: "the project that has members is the project that has checks: one type for its id; the audit log tells what changed of a check"},

	"internal/sealed": {may: "internal/fault", why: "it reads one file, the keys, and nothing else outside"},

	"internal/store":              {may: "pure"},
	"internal/store/sqlstore":     {may: "pure internal/store internal/store/sqlstore/gen migrations internal/failpoint"},
	"internal/store/sqlstore/gen": {},
	"internal/store/postgres":     {may: "pure internal/store internal/store/sqlstore internal/store/sqlstore/gen migrations internal/failpoint"},
	"internal/store/sqlite":       {may: "pure internal/store internal/store/sqlstore internal/store/sqlstore/gen migrations internal/failpoint"},
	"internal/store/storetest":    {may: "pure internal/store internal/prove", tests: true},
	"migrations":                  {},

	"internal/dialect":   {may: "internal/monitor internal/schedule internal/fault"},
	"internal/ingest":    {may: "internal/store internal/monitor internal/fault"},
	"internal/mailbox":   {may: "pure internal/store internal/ingest internal/dialect internal/failpoint", why: "it is a way in, as web is"},
	"internal/scheduler": {may: "internal/store internal/monitor internal/fault internal/failpoint"},
	"internal/alerter":   {may: "pure internal/store internal/outbound templates internal/failpoint"},
	"internal/outbound":  {},
	"internal/vitals":    {may: "internal/store internal/fault internal/outbound internal/failpoint", why: "its heartbeat leaves as alerts do"},
	"internal/provision": {may: "pure internal/store internal/dialect", why: "it knows the names of the services whose tokens a check may have"},
	"internal/client":    {},
	"internal/importer":  {may: "internal/schedule internal/fault"},
	"internal/sample":    {may: "pure internal/store"},
	"internal/mailcatch": {},

	"web":       {may: "pure internal/store internal/ingest internal/dialect internal/provision templates static docs internal/failpoint"},
	"templates": {may: "internal/monitor internal/account internal/schedule static docs", why: "static knows the hashed names that pages link to"},
	"static":    {},
	"docs":      {},

	"internal/archtest":    {tests: true},
	"internal/deploytest":  {tests: true},
	"internal/clienttest":  {tests: true},
	"internal/doctest":     {may: "templates", tests: true},
	"internal/pgtest":      {tests: true},
	"internal/mailtest":    {may: "internal/mailcatch", tests: true},
	"internal/prove":       {tests: true},
	"internal/prove/table": {may: "internal/prove", tests: true},
	"internal/sim":         {may: "*", tests: true},
	"internal/e2e":         {tests: true, why: "it sees Rollcall from outside: the binary, the wire, the database"},
	"internal/browsertest": {may: "internal/app", tests: true},
	"internal/bench":       {may: "*", tests: true},
	"internal/screenshots": {may: "*", tests: true},
}

// use is something of the standard library that only some packages may mention.
type use struct {
	of     string // package
	names  []string
	within []string // packages of ours
	rule   string
}

var uses = []use{
	{"time", []string{"Now", "Since", "Until"}, []string{"internal/app", "cmd/rollcall"}, "the time is given, so that every instant can be tested"},
	{"net", []string{"Dial", "DialTimeout", "Dialer"}, waysOut, onlyWayOut},
	{"crypto/tls", []string{"Dial", "DialWithDialer", "Dialer"}, waysOut, onlyWayOut},
	{"net/http", []string{"Client", "DefaultClient", "Transport", "DefaultTransport", "Get", "Head", "Post", "PostForm"}, waysOut, onlyWayOut},
}

const onlyWayOut = "alerts leave through internal/outbound, which refuses private addresses"

// waysOut: the client talks to a server it was told of, app asks its own health.
var waysOut = []string{"internal/outbound", "internal/client", "internal/app"}
