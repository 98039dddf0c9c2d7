package monitor

import (
	"fmt"
	"time"
)

// flip says what a flip was about, and what was decided. The record may be missing.
func (x explainer) flip(f Flip, d *Decision) Statement {
	text := x.cause(f, d) + " " + x.judged(f, d)
	if d != nil && d.Of > 1 {
		text += " " + badWords(*d)
	}
	s := Statement{At: f.Judged, Text: text, Is: f.New}
	if d != nil {
		s.Suppressed = d.Silenced()
	} else if !f.Tell {
		s.Suppressed = []Suppression{f.suppressed()}
	}
	if !f.Tell {
		s.Text += " Nobody was told: " + suppressionWords[s.Suppressed[0]] + "."
	}
	if f.Facts.Blind != nil {
		s.Text += " Its channels get one message about all checks that could not be verified."
	}
	return s
}

// cause says what was expected, and what came.
func (x explainer) cause(f Flip, d *Decision) string {
	at := func(us *int64) string { return x.when(FromMicros(us)) }
	grace := x.voice.Lasting(time.Duration(f.Facts.Grace) * time.Second)
	switch f.Reason {
	case Corrected:
		return fmt.Sprintf("A report came late: the job had succeeded %s, so the alarm of %s was none.", at(f.Facts.Ran), at(f.Facts.Alarm))
	case Silent, Overlooked:
		text := fmt.Sprintf("Nothing had arrived by %s.", x.when(f.At))
		if f.Facts.Due != nil {
			text = fmt.Sprintf("A ping was expected by %s, with a grace of %s; nothing had arrived by %s.", at(f.Facts.Due), grace, x.when(f.At))
		}
		if f.Reason == Overlooked {
			return text + " It may have been sent while Rollcall was blind."
		}
		if d != nil && !d.Seen.IsZero() {
			text += fmt.Sprintf(" The last one before came %s.", x.when(d.Seen))
		}
		return text
	case Overran:
		return fmt.Sprintf("The run that started %s had not ended by %s, when its limit of %s was over.",
			at(f.Facts.Start), x.when(f.At), x.voice.Lasting(time.Duration(f.Facts.RunLimit)*time.Second))
	case Failed, Succeeded:
		return fmt.Sprintf("%s arrived %s.", said(f.Reason == Failed, f.Facts.Exit), x.when(f.Judged))
	}
	verb, who := "resumed", "Somebody"
	if f.New == Paused {
		verb = "paused"
	}
	if known := x.by(verb, f.Judged); known != "" {
		who = known
	}
	return fmt.Sprintf("%s %s the check %s.", who, verb, x.when(f.Judged))
}

// said is what a ping reported.
func said(failed bool, exit *int64) string {
	switch {
	case exit != nil:
		return fmt.Sprintf("Exit status %d", *exit)
	case failed:
		return "A failure"
	}
	return "A success"
}

// judged says when a flip was decided, how long that took, and what it changed.
func (x explainer) judged(f Flip, d *Decision) string {
	judged, took := f.Judged, ""
	if d != nil {
		judged = d.Judged
		if lag, ok := d.Lag(); ok {
			took = ", " + x.voice.Lasting(lag) + " after that,"
		}
	}
	if f.Old == f.New {
		return fmt.Sprintf("Judged %s%s the check stayed %s.", x.voice.AtSecond(judged), clause(took), f.New)
	}
	return fmt.Sprintf("Judged %s%s it went from %s to %s.", x.voice.AtSecond(judged), clause(took), f.Old, f.New)
}

func clause(took string) string {
	if took == "" {
		return ","
	}
	return took
}

// badWords say which bad result in a row a decision was about.
func badWords(d Decision) string {
	if d.Bad > d.Of {
		return fmt.Sprintf("It was bad result %d in a row.", d.Bad)
	}
	return fmt.Sprintf("It was bad result %d of the %d in a row that take the check down.", d.Bad, d.Of)
}

// bad says what was decided about a bad result that changed no status.
func (x explainer) bad(d Decision) string {
	var text string
	switch {
	case d.Reason == Failed:
		text = fmt.Sprintf("A failure arrived %s.", x.when(d.Arrived))
	case d.Reason == Overran:
		text = fmt.Sprintf("The run that started %s had not ended by %s, when its limit was over.", x.when(d.Due), x.when(d.Deadline))
	default:
		text = fmt.Sprintf("A ping was expected by %s; nothing had arrived by %s.", x.when(d.Due), x.when(d.Deadline))
	}
	if d.Of > 1 {
		text += " " + badWords(d)
	}
	return text + " Nobody was told: " + suppressionWords[d.Suppressed] + "."
}

// withoutFlip says what was decided about a deadline that was let go, or a ping that
// changed nothing.
func (x explainer) withoutFlip(d Decision) Statement {
	s := Statement{At: d.Judged, Suppressed: d.Silenced()}
	if d.Bad > 0 {
		s.Text = x.bad(d)
		if d.About == OfDeadline && !d.Until.IsZero() {
			s.Text += fmt.Sprintf(" The next deadline was %s.", x.when(d.Until))
		}
		return s
	}
	if d.About == OfPing {
		s.Text = fmt.Sprintf("A ping arrived %s and was ignored: %s.", x.when(d.Arrived), suppressionWords[d.Suppressed])
		return s
	}
	s.Text = fmt.Sprintf("The deadline of %s passed, and nobody was told: %s.", x.when(d.Deadline), suppressionWords[d.Suppressed])
	if !d.Arrived.IsZero() {
		s.Text = fmt.Sprintf("The deadline of %s passed, but before that was judged a ping came, %s. A late ping wins: nobody was told.", x.when(d.Deadline), x.when(d.Arrived))
	}
	if !d.Until.IsZero() {
		s.Text += fmt.Sprintf(" The deadline was then %s.", x.when(d.Until))
	}
	return s
}

// ping says of a ping that it came, and that it was no reason to tell anybody.
func (x explainer) ping(p Ping) Statement {
	s := Statement{At: p.At}
	what := map[Signal]string{Start: "A start", Log: "A log"}[p.Signal]
	if what == "" {
		what = said(p.Signal == Fail, p.Exit)
	}
	if !p.Detail.Arrived.IsZero() {
		s.Text = fmt.Sprintf("%s happened %s, and was reported late, %s.", what, x.when(p.At), x.when(p.Received()))
		s.See = p.Received()
		return s
	}
	s.Text = fmt.Sprintf("%s arrived %s.", what, x.when(p.At))
	status, known := x.statusBy(p.At.Add(time.Microsecond))
	switch {
	case p.Ignored != "":
		s.Suppressed = []Suppression{p.Ignored.suppressed()}
		s.Text = fmt.Sprintf("A ping arrived %s and was ignored: %s.", x.when(p.At), suppressionWords[s.Suppressed[0]])
	case known && status == Down && p.Signal == Fail:
		s.Suppressed = []Suppression{ByDown}
		s.Text += " Nobody was told: " + suppressionWords[ByDown] + "."
	}
	return s
}

// stands says in which state the check stood through the span, and what was awaited.
func (x explainer) stands(status Status) []Statement {
	since := x.standing(x.to)
	s := Statement{}
	if since != nil {
		s.See = since.Judged
	}
	switch {
	case status == Down && since != nil:
		s.Text = fmt.Sprintf("It was down since %s. That was told when it went down; there is nothing more to tell until it succeeds.", x.when(since.At))
		if !since.Tell {
			s.Text = fmt.Sprintf("It was down since %s.", x.when(since.At))
		}
	case status == Paused && since != nil:
		s.Text = fmt.Sprintf("It was paused since %s", x.when(since.At))
		if who := x.by("paused", since.Judged); who != "" {
			s.Text += ", by " + who
		}
		s.Text += ". Nothing is expected of a paused check, and nobody is told."
	case status == New && x.waits(status).due.IsZero():
		s.Text = "It was waiting for its first ping. A check is never late before that."
	case status == Unknown && since != nil:
		s.Text = fmt.Sprintf("It was unknown since %s, for Rollcall had been blind. %s", x.when(since.At), x.waiting(x.waits(status)))
	default:
		s.Text = x.waiting(x.waits(status))
		s.See = time.Time{}
	}
	if s.Text == "" {
		return nil
	}
	return []Statement{s}
}

// waits is what the check waited for in the span.
func (x explainer) waits(status Status) awaits {
	return x.awaited(earlier(x.to.Add(-time.Microsecond), later(x.now, x.from)), status)
}

// waiting says what the check waited for.
func (x explainer) waiting(w awaits) string {
	text := ""
	switch {
	case !w.run.IsZero() && w.due.IsZero():
		text = fmt.Sprintf("A run was open since %s; it had until %s.", x.when(w.run), x.when(w.deadline))
	case w.due.IsZero():
		return ""
	case !w.deadline.After(x.from):
		text = fmt.Sprintf("A ping was expected by %s, with grace until %s.", x.when(w.due), x.when(w.deadline))
	case w.due.Before(x.to):
		text = fmt.Sprintf("A ping was expected by %s. Its grace lasted until %s, so there was nothing to tell yet.", x.when(w.due), x.when(w.deadline))
		if w.let != "" {
			text = fmt.Sprintf("A ping was expected by %s. The deadline had been moved to %s: %s.", x.when(w.due), x.when(w.deadline), suppressionWords[w.let])
		}
		if len(x.After) > 0 && x.After[0].At.Before(w.deadline) {
			text += fmt.Sprintf(" It came %s.", x.when(x.After[0].At))
		}
	default:
		text = fmt.Sprintf("Nothing was due: the next ping was expected by %s, with grace until %s.", x.when(w.due), x.when(w.due.Add(x.Check.Grace)))
	}
	if w.edited {
		text += fmt.Sprintf(" That is by the settings as they are now; they were changed %s.", x.when(x.Check.Updated))
	}
	return text
}

// forecast says what would be told of a time that is still to come.
func (x explainer) forecast() []Statement {
	c := x.Check
	switch {
	case c.Status == Paused:
		return []Statement{{Text: "It is paused: nothing is expected, and nobody will be told."}}
	case c.Status == Down:
		return []Statement{{Text: fmt.Sprintf("It is down since %s, which was told; the next message says that it is up again.", x.when(c.Since))}}
	}
	d, ok := c.Deadline()
	if !ok {
		return []Statement{{Text: "It waits for its first ping. A check is never late before that."}}
	}
	who := fmt.Sprintf("%d channels are", x.Tells)
	switch x.Tells {
	case 0:
		who = "nobody is"
	case 1:
		who = "one channel is"
	}
	if next := c.FailStreak + 1; next < c.TakesDown() {
		who = fmt.Sprintf("that is bad result %d of the %d in a row that take it down, and nobody is", next, c.TakesDown())
	}
	text := fmt.Sprintf("The run that is open has until %s; if it has not ended then, %s told.", x.when(d.At), who)
	if d.Reason == Silent {
		text = fmt.Sprintf("The next ping is expected by %s; if none has arrived by %s, %s told.", x.when(c.Due), x.when(d.At), who)
	}
	return []Statement{{Text: text}}
}

// fates says for every channel what became of the message about a flip.
func (x explainer) fates(f Flip, d *Decision) []Fate {
	var list []Fate
	seen := map[ChannelID]bool{}
	for _, m := range x.Messages {
		if m.Rev == f.Rev {
			seen[m.Channel] = true
			fate := Fate{Rev: f.Rev, Channel: m.Channel, Name: m.Name, Delivery: m.ID, State: m.State, Tries: m.Tries, Text: x.fate(m)}
			if m.State == Merged {
				fate.Suppressed = ToldElsewhere
			}
			list = append(list, fate)
		}
	}
	if d == nil {
		return list
	}
	for _, id := range d.Owed {
		if name, ours := x.Channels[id]; !seen[id] && ours {
			list = append(list, Fate{Rev: f.Rev, Channel: id, Name: name, State: forgotten, Text: "What became of the message is not kept any more."})
		} else if !seen[id] {
			list = append(list, Fate{Rev: f.Rev, Channel: id, Name: "A channel that is gone", State: forgotten, Text: "It has been deleted since, and its messages with it."})
		}
	}
	for _, id := range d.Off {
		name, ours := x.Channels[id]
		if !ours {
			name = "A channel that is gone"
		}
		list = append(list, Fate{Rev: f.Rev, Channel: id, Name: name, Suppressed: ChannelDisabled, Text: "It was disabled then, so it was owed no message."})
	}
	if len(list) == 0 {
		list = append(list, Fate{Rev: f.Rev, Name: "Nobody", Suppressed: NoChannel, Text: "The check told no channel then."})
	}
	return list
}

// forgotten is the state of a message of which no row is kept.
const forgotten DeliveryState = "not kept"

// fate says what became of one message. What it says of each state is in fateWords.
func (x explainer) fate(m Message) string {
	words, known := fateWords[m.State]
	if !known {
		return fmt.Sprintf("It is %s.", m.State)
	}
	text := words(x, m)
	if m.Answer != "" {
		text += " Its last answer: “" + m.Answer + "”."
	}
	return text
}

// fateWords say how far a message has come. A new state is a line here.
var fateWords = map[DeliveryState]func(explainer, Message) string{
	Pending: func(x explainer, m Message) string {
		if m.Tries == 0 {
			return fmt.Sprintf("It waits to be sent since %s.", x.voice.AtSecond(m.Created))
		}
		return fmt.Sprintf("It was not taken in %s; the next attempt is due %s.", attempts(m.Delivery.Attempts), x.voice.AtSecond(m.NextAt))
	},
	Sending: func(explainer, Message) string { return "It is being sent at this moment." },
	Sent: func(x explainer, m Message) string {
		text := fmt.Sprintf("Taken %s, in %s, %s after it was decided.", x.voice.AtSecond(m.Ended), attempts(m.Delivery.Attempts), x.voice.Lasting(m.Ended.Sub(m.Created)))
		for _, a := range m.Attempts {
			if end := a.Started.Add(a.Took); a.OK && end.Before(m.Ended.Add(-time.Minute)) {
				return text + fmt.Sprintf(" It was taken first %s, and replayed since.", x.voice.AtSecond(end))
			}
		}
		return text
	},
	Merged: func(x explainer, m Message) string {
		if m.WithEnd() {
			return fmt.Sprintf("It was not taken in %s before the check was up again, so one message tells both: message %d of the log says what became of it.", attempts(m.Delivery.Attempts), m.Digest)
		}
		return fmt.Sprintf("More than %d changes were owed to the channel within %d minutes, so a digest tells of this one: message %d of the log says what became of it.", StormAfter, StormSpan/time.Minute, m.Digest)
	},
	Dead: func(x explainer, m Message) string {
		return fmt.Sprintf("It was given up %s, after %s.", x.voice.AtSecond(m.Ended), attempts(m.Delivery.Attempts))
	},
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}
