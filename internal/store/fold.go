package store

import (
	"fmt"

	"rollcall/internal/fault"
	"rollcall/internal/monitor"
)

// Loaded is a check as an engine read and locked it for a batch of steps.
type Loaded struct {
	Check   monitor.Check
	Err     error // the row cannot be understood; its steps fail alone
	Created bool  // it was made by this batch and is not in the database yet
}

// Writes is what a batch of steps decided: all that an engine has to write.
type Writes struct {
	Results []Result
	Checks  []CheckWrite
	Pings   []PingWrite
	Flips   []FlipWrite
	// Decisions are written after the flips, whose deliveries they name.
	Decisions []DecisionWrite
	Assigns   []AssignWrite
	Edits     []Edit // for the audit log; none when nobody is named
	Marks     []CoverageMark
}

// Edit is what somebody changed about a check.
type Edit struct {
	Before, After monitor.Check
	Assign        *[]monitor.ChannelID // as in Step
}

// CheckWrite is a check's new row. WakeMoved tells whether the one indexed column
// of the state changed, so that an engine can leave the index alone.
type CheckWrite struct {
	Check     monitor.Check
	WakeMoved bool
	Config    bool // a person changed the configuration too
}

// PingWrite is one ping to keep.
type PingWrite struct {
	Check monitor.CheckID
	Ping  monitor.Ping
}

// FlipWrite is one flip to keep, and the project whose channels are owed a delivery.
type FlipWrite struct {
	Project monitor.ProjectID
	Flip    monitor.Flip
}

// DecisionWrite is the record of one judgement to keep, and the project of its check.
type DecisionWrite struct {
	Project  monitor.ProjectID
	Decision monitor.Decision
}

// AssignWrite replaces the channels of a check.
type AssignWrite struct {
	Check    monitor.CheckID
	Project  monitor.ProjectID
	Channels []monitor.ChannelID
}

// Fold lets every step decide on its check as the steps before it left it. The
// engine gives the checks by step: nil where there is none, and the same pointer
// for steps on the same check. Nothing is written here, so an engine whose
// transaction fails may simply fold again. Named tells that the changes are
// somebody's, who is to stand in the audit log.
func Fold(steps []Step, checks []*Loaded, named bool) Writes {
	w := Writes{Results: make([]Result, len(steps))}
	written := make(map[*Loaded]int, len(steps)) // index into w.Checks
	for i, step := range steps {
		loaded, result := checks[i], &w.Results[i]
		switch {
		case step.Mark != nil:
			w.Marks = append(w.Marks, *step.Mark)
			continue
		case loaded == nil:
			result.Err = fmt.Errorf("check: %w", fault.NotFound)
			continue
		case loaded.Err != nil:
			result.Err = loaded.Err
			continue
		}
		before := loaded.Check
		change, err := decide(step, before)
		if err != nil {
			result.Err = err
			continue
		}
		result.Change, result.Created = change, loaded.Created
		loaded.Created = false
		if step.Assign != nil {
			w.Assigns = append(w.Assigns, AssignWrite{before.ID, before.Project, *step.Assign})
		}
		if named && (step.Assign != nil || !change.Unchanged) {
			w.Edits = append(w.Edits, Edit{before, change.Check, step.Assign})
		}
		if change.Unchanged {
			continue
		}
		loaded.Check = change.Check
		at, again := written[loaded]
		if !again {
			at = len(w.Checks)
			written[loaded] = at
			w.Checks = append(w.Checks, CheckWrite{})
		}
		row := &w.Checks[at]
		row.Check = change.Check
		row.WakeMoved = row.WakeMoved || !change.Check.Wake.Equal(before.Wake)
		row.Config = row.Config || !change.Check.Updated.Equal(before.Updated)
		if change.Ping != nil {
			w.Pings = append(w.Pings, PingWrite{before.ID, *change.Ping})
		}
		if change.Flip != nil {
			w.Flips = append(w.Flips, FlipWrite{before.Project, *change.Flip})
		}
		if change.Decision != nil {
			w.Decisions = append(w.Decisions, DecisionWrite{before.Project, *change.Decision})
		}
	}
	return w
}

// decide runs a step's rule and turns a panic into an error of that step alone:
// one check that cannot be judged must not stop the others.
func decide(step Step, c monitor.Check) (change monitor.Change, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decide on check %d: %v", c.ID, p)
		}
	}()
	if step.Refuse != nil {
		if err := step.Refuse(c); err != nil {
			return monitor.Change{}, err
		}
	}
	return step.Decide(c), nil
}
