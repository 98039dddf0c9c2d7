package monitor

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Explanation says why a message about a check was sent in some span of time, or
// why none was, and where it is now.
type Explanation struct {
	From, To time.Time
	// Status is that of the check at the end of the span; "" when it is not known.
	Status     Status
	Answer     string      // one sentence
	Statements []Statement // what happened and what was decided, in the order of time
	Fates      []Fate      // what became of the message to each channel
	// Earlier and Later are when something was decided last before, and first after;
	// zero: nothing was.
	Earlier, Later time.Time
}

// Statement is one thing that was so, happened, or was decided.
type Statement struct {
	At         time.Time // zero: it holds for the whole span
	Text       string
	Is         Status        // that the check had after it; "" when it was no change
	Suppressed []Suppression // the rules by which nobody was told of it
	See        time.Time     // when that was decided which it speaks of; zero: here
}

// Fate is what became of a message to one channel.
type Fate struct {
	Rev      int64 // of the flip that it tells
	Channel  ChannelID
	Name     string
	Delivery DeliveryID    // 0: there is none
	State    DeliveryState // "" without a delivery
	Tries    int           // of the present round
	Text     string
	// Suppressed is the rule by which there is no message of its own; "" when there is.
	Suppressed Suppression
}

// Voice says times and spans as the reader knows them.
type Voice interface {
	At(time.Time) string       // to the minute
	AtSecond(time.Time) string // to the second
	Lasting(time.Duration) string
}

// suppressionWords say why nobody was told.
var suppressionWords = map[Suppression]string{
	ByPause:         "the check was paused",
	ByFilter:        "the settings of the check let such a ping count for nothing",
	ByBlindness:     "Rollcall itself could not see, so nothing is known against the job",
	ByDown:          "the check was down already, and that had been told",
	ByThreshold:     "more bad results in a row are needed to take the check down",
	NoNews:          "nothing had been wrong, so it is no news",
	ByAnswer:        "a ping had come before that was judged",
	ByEdit:          "the settings were changed, and a change never makes a check overdue",
	NoChannel:       "the check told no channel",
	ChannelDisabled: "the channel was disabled",
	ToldElsewhere:   "another message tells of it: a digest of many changes, or the one that says that the check is up again",
}

// Explain says why a message was or was not sent in the span from one instant up to
// another, as of now.
func Explain(a Around, from, to, now time.Time, voice Voice) Explanation {
	x := explainer{Around: a, from: from, to: to, now: now, voice: voice}
	e := Explanation{From: from, To: to}
	e.Earlier, e.Later = x.neighbours()
	var known bool
	if e.Status, known = a.statusBy(to); !known {
		e.Status = ""
	}
	switch {
	case !a.Check.Created.Before(to):
		e.Status, e.Answer = "", fmt.Sprintf("No message was sent: the check was only made %s.", x.when(a.Check.Created))
		return e
	case from.After(now):
		e.Answer = fmt.Sprintf("That is still to come; it is %s now.", voice.At(now))
		e.Statements = append(x.around(), x.forecast()...)
		return e
	}
	e.Statements = x.around()
	for _, f := range a.in(from, to) {
		d := a.decision(f)
		e.Statements = append(e.Statements, x.flip(f, d))
		if f.Tell {
			e.Fates = append(e.Fates, x.fates(f, d)...)
		}
	}
	e.Statements = append(e.Statements, x.others()...)
	decided := slices.ContainsFunc(e.Statements, func(s Statement) bool { return len(s.Suppressed) > 0 }) || len(e.Fates) > 0
	if len(a.in(from, to)) == 0 {
		e.Statements = append(e.Statements, x.standstill(known)...)
	}
	slices.SortStableFunc(e.Statements, func(a, b Statement) int { return a.At.Compare(b.At) })
	e.Answer = x.answer(e, decided, known)
	return e
}

type explainer struct {
	Around
	from, to, now time.Time
	voice         Voice
}

// when says a time, with its seconds where it has any.
func (x explainer) when(t time.Time) string {
	if t.Truncate(time.Minute).Equal(t) {
		return x.voice.At(t)
	}
	return x.voice.AtSecond(t)
}

// neighbours returns when something was decided before and after the span.
func (x explainer) neighbours() (earlier, later time.Time) {
	note := func(t time.Time) {
		if t.Before(x.from) && t.After(earlier) {
			earlier = t
		}
		if !t.Before(x.to) && (later.IsZero() || t.Before(later)) {
			later = t
		}
	}
	for _, f := range x.Flips {
		note(f.Judged)
	}
	for _, d := range x.Decisions {
		note(d.Judged)
	}
	return earlier, later
}

// answer is the sentence that everything else explains.
func (x explainer) answer(e Explanation, decided, known bool) string {
	if len(e.Fates) > 0 {
		return tally(e.Fates)
	}
	for _, f := range x.in(x.from, x.to) {
		if f.Tell {
			return "A message was decided; to whom it was owed is not recorded any more."
		}
	}
	for _, s := range e.Statements {
		if len(s.Suppressed) > 0 {
			return "No message was sent: " + suppressionWords[s.Suppressed[0]] + "."
		}
	}
	if !known && !decided {
		return "What was decided then is not kept any more."
	}
	return "No message was sent: there was nothing to decide in this minute."
}

// tally says to how many channels a message went.
func tally(fates []Fate) string {
	states := map[DeliveryState]int{}
	for _, f := range fates {
		states[f.State]++
	}
	all, sent := len(fates)-states[Merged], states[Sent] // what is merged is told by another
	switch {
	case all == 0:
		return "No message of its own was sent: " + suppressionWords[ToldElsewhere] + "."
	case len(fates) == states[""]:
		return "No message was sent: " + suppressionWords[fates[0].Suppressed] + "."
	case sent == all && all == 1:
		return "A message was sent, and its channel took it."
	case sent == all:
		return fmt.Sprintf("A message was sent, and all %d channels took it.", all)
	case sent > 0:
		return fmt.Sprintf("A message was sent, and %d of %d channels took it.", sent, all)
	case states[Pending]+states[Sending] > 0:
		return "A message is on its way; no channel has taken it yet."
	case states[Dead] > 0:
		return "A message was sent, but no channel took it, and it was given up."
	}
	return "A message was decided; what became of it stands below."
}

// around says what holds for the whole span: that Rollcall was blind.
func (x explainer) around() []Statement {
	var list []Statement
	for _, b := range x.Blinds {
		text := fmt.Sprintf("Rollcall itself was blind from %s to %s", x.when(b.From), x.when(b.To))
		if b.Cause != "" {
			text += ": " + strings.TrimSuffix(b.Cause, ".")
		}
		list = append(list, Statement{Text: text + ". Pings that were sent then could not be stored."})
	}
	return list
}

// others says what was decided without a flip, and which pings came.
func (x explainer) others() []Statement {
	var list []Statement
	told := map[int64]bool{} // pings that a decision or a flip speaks of
	for _, f := range x.in(x.from, x.to) {
		if f.Reason == Succeeded || f.Reason == Failed || f.Reason == Corrected {
			told[f.Facts.PingN] = true
		}
	}
	for _, d := range x.Judged(x.from, x.to) {
		if d.About != OfFlip {
			told[d.Ping] = true
			list = append(list, x.withoutFlip(d))
		}
	}
	for _, p := range x.Pings {
		if !told[p.N] {
			list = append(list, x.ping(p))
		}
	}
	for _, act := range x.Acts {
		if within(act.At, x.from, x.to) && act.Verb != "paused" && act.Verb != "resumed" {
			list = append(list, Statement{At: act.At, Text: fmt.Sprintf("%s %s the check.", act.By, act.Verb)})
		}
	}
	return list
}

// standstill says in what state the check stood when its status did not change.
func (x explainer) standstill(known bool) []Statement {
	if !known {
		if oldest := x.next(x.from); oldest != nil {
			return []Statement{{Text: fmt.Sprintf("Of changes of status the oldest that is kept is that of %s; what was before has been trimmed away.", x.when(oldest.Judged)), See: oldest.Judged}}
		}
		return []Statement{{Text: "The changes of status of that time have been trimmed away."}}
	}
	status, _ := x.statusBy(x.from)
	list := x.stands(status)
	if o := x.Oldest; o != nil && o.N > 1 && o.At.After(x.from) {
		list = append(list, Statement{Text: fmt.Sprintf("Pings of that time are not kept any more; the oldest is of %s.", x.when(o.At))})
	}
	return list
}
