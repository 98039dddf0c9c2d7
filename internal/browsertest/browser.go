package browsertest

import (
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is how long anything that a test waits for may take.
const patience = 30 * time.Second

// browser is the one Chromium of the process: starting it takes longer than most
// journeys. Every tab has cookies of its own.
var browser struct {
	once sync.Once
	ctx  context.Context
	stop context.CancelFunc
	err  error
}

func launch() (context.Context, error) {
	browser.once.Do(func() {
		path, err := exec.LookPath("chromium")
		if err != nil {
			browser.err = fmt.Errorf("the journeys need Chromium: %w", err)
			return
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-quic", true))
		allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, closeTab := chromedp.NewContext(allocator)
		browser.ctx, browser.stop = ctx, func() { closeTab(); stop() }
		browser.err = chromedp.Do(ctx, chromedp.Navigate("about:blank"))
	})
	return browser.ctx, browser.err
}

// Main runs the tests of a package, and then ends the browser. It is for TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if browser.stop != nil {
		browser.stop()
	}
	os.Exit(code)
}

// Tab is somebody in front of a browser of their own.
type Tab struct {
	*testing.T
	Context context.Context // for what the methods do not offer
	base    string
	console iter.Seq2[chromedp.ConsoleMessage, error]
}

// Open opens a tab. A test fails without Chromium, and when a page writes an error
// to the console, which is where a breach of its content policy is told, too.
func (s *Site) Open(t *testing.T) *Tab {
	t.Helper()
	shared, err := launch()
	if err != nil {
		t.Fatal(err)
	}
	ctx, closeTab := chromedp.NewContext(shared, chromedp.WithNewBrowserContext())
	tab := &Tab{T: t, Context: ctx, base: s.BaseURL, console: chromedp.Console(ctx)}
	t.Cleanup(func() {
		tab.readConsole()
		closeTab()
	})
	return tab
}

// lastWords end what is read from the console.
const lastWords = "the test is over"

func (b *Tab) readConsole() {
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](fmt.Sprintf("console.log(%q)", lastWords))); err != nil {
		b.Errorf("the console cannot be read: %v", err)
		return
	}
	for message, err := range b.console {
		switch {
		case err != nil:
			b.Errorf("the console cannot be read: %v", err)
			return
		case message.Text == lastWords:
			return
		case message.Source == "network" && strings.Contains(message.Text, "status of 4"):
			// A form that is refused is an answer like any other.
		case message.Type == chromedp.ConsoleError || message.IsException():
			b.Errorf("the console says: %s (%s)", message.Text, message.URL)
		}
	}
}

// Do takes steps, for as long as patience lasts.
func (b *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.Fatalf("%v\n%s", err, b.page())
	}
}

// Go opens a page by its path.
func (b *Tab) Go(path string) {
	b.Helper()
	b.Do(chromedp.Navigate(b.base + path))
}

// Fill types into the field of this id, in place of what was there.
func (b *Tab) Fill(id, text string) {
	b.Helper()
	b.Do(chromedp.Clear("#"+id), chromedp.SendKeys("#"+id, text))
}

// Press clicks the button or link whose words contain these.
func (b *Tab) Press(words string) {
	b.Helper()
	b.Do(chromedp.Click(fmt.Sprintf(`//*[self::button or self::a or self::summary][contains(normalize-space(.), %q)]`, words)))
}

// Sees waits until the page shows these words.
func (b *Tab) Sees(words string) {
	b.Helper()
	b.True(fmt.Sprintf(`document.body?.innerText.replaceAll("\u00a0", " ").includes(%q) === true`, words))
}

// At waits until the page of this path is there.
func (b *Tab) At(path string) {
	b.Helper()
	b.True(fmt.Sprintf(`location.pathname === %q && document.readyState === "complete"`, path))
}

// True waits until a script says true.
func (b *Tab) True(script string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](script))
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), leftPage) {
		_, err = chromedp.Run(ctx, chromedp.Poll[bool](script))
	}
	if err != nil {
		b.Fatalf("never true: %s: %v\n%s", script, err, b.page())
	}
}

// leftPage is how the browser says that the page was left that a script ran in.
const leftPage = "(-32000)"

// Text returns what a script says.
func (b *Tab) Text(script string) string {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](script))
	if err != nil {
		b.Fatalf("%s: %v", script, err)
	}
	return text
}

// Choose chooses an option of the field of this name.
func (b *Tab) Choose(name, option string) {
	b.Helper()
	b.Do(chromedp.SetValue(fmt.Sprintf("[name=%q]", name), option))
}

// LogIn logs in by the password of the site's account.
func (b *Tab) LogIn() {
	b.Helper()
	b.Go("/login")
	b.Fill("email", Email)
	b.Fill("password", Password)
	b.Do(chromedp.Submit("#password"))
	b.True(`location.pathname !== "/login" && document.readyState === "complete"`)
}

// LogOut logs out by the menu of the account.
func (b *Tab) LogOut() {
	b.Helper()
	b.Press("Account of")
	b.Press("Log out")
	b.At("/login")
}

// page is what the tab shows, for the words of a failure.
func (b *Tab) page() string {
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body?.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}
