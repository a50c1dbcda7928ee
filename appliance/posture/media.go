package posture

import (
	"fmt"
	"slices"

	"huisclos/hardening"
)

// Gate is what the media gate did since the start.
type Gate struct {
	Received, Forwarded uint64
	Refused             map[string]uint64 // by reason
}

// unsealed are the reasons that no client has which seals as it must: packets that come late, twice or between two keys are none of them.
var unsealed = []string{"no-header", "bad-header", "bad-prefix", "bad-descriptor", "wrong-kid", "no-room-for-tag", "too-large"}

func (f Facts) gate() Line {
	l := Line{Name: "gate", Area: Media, Section: "calls",
		Why: text("Rien ne passe d'une personne à l'autre qui ne soit un paquet scellé de son expéditeur ; le reste est refusé et compté.",
			"Nothing passes from one person to another but a sealed packet of its sender; all else is refused and counted."),
		Do: text("Un client est défectueux, ou quelqu'un essaie. Le journal d'audit (gate.refused) nomme la réunion et la personne.",
			"A client is broken, or somebody tries. The audit log (gate.refused) names the meeting and the person.")}
	var strange, all uint64
	for reason, n := range f.Gate.Refused {
		if n == 0 {
			continue
		}
		all += n
		if slices.Contains(unsealed, reason) {
			strange += n
		}
		l.Counts = append(l.Counts, Count{reason, n})
	}
	most(l.Counts)
	switch {
	case strange > 0:
		return l.found(Attention, fmt.Sprintf("%d paquets sans scellement correct ont été refusés.", strange), fmt.Sprintf("%d packets without a correct seal were refused.", strange))
	case f.Gate.Received == 0:
		l.Do = text("Rien à faire : la première réunion le dira.", "Nothing to do: the first meeting will tell.")
		return l.found(Unknown, "aucun paquet n'est arrivé depuis le démarrage.", "no packet has arrived since the start.")
	case all > 0:
		return l.found(Green, fmt.Sprintf("%d paquets transmis, tous scellés ; %d refusés, qui venaient trop tard ou deux fois.", f.Gate.Forwarded, all),
			fmt.Sprintf("%d packets forwarded, all of them sealed; %d refused, which came late or twice.", f.Gate.Forwarded, all))
	}
	return l.found(Green, fmt.Sprintf("%d paquets transmis, tous scellés ; aucun refusé.", f.Gate.Forwarded), fmt.Sprintf("%d packets forwarded, all of them sealed; none refused.", f.Gate.Forwarded))
}

// Keys are the key groups (RFC 9420) of calls since the start.
type Keys struct {
	Suite string // the only one with which a room is entered
	Calls uint64 // that began
	Now   int    // in progress
	// Epochs are keys that took the place of others, at each coming and going.
	Epochs uint64
}

func (f Facts) keys() Line {
	k := f.Keys
	l := Line{Name: "mls", Area: Media, Section: "calls",
		Why: text("Les clés d'une réunion naissent chez ses participants ; le serveur n'en a aucune, et refuse une salle d'une autre suite.",
			"The keys of a meeting are born with its participants; the server has none, and refuses a room of another suite."),
		Do: text("Rien à faire : la première réunion le dira.", "Nothing to do: the first meeting will tell.")}
	if k.Calls == 0 || k.Suite == "" {
		return l.found(Unknown, "aucune réunion n'a commencé depuis le démarrage.", "no meeting has begun since the start.")
	}
	l.Counts = []Count{{k.Suite, k.Calls}}
	begun, changes := several(k.Calls, "réunion", "réunions", "meeting", "meetings"), several(k.Epochs, "changement", "changements", "change", "changes")
	return l.found(Green, fmt.Sprintf("%s depuis le démarrage, dont %d en cours ; %s de clé.", begun.FR, k.Now, changes.FR),
		fmt.Sprintf("%s since the start, %d of them in progress; %s of key.", begun.EN, k.Now, changes.EN))
}

// several is a number with its noun: French has the singular for 0 and 1, English for 1.
func several(n uint64, oneFR, moreFR, oneEN, moreEN string) hardening.Text {
	if n == 0 {
		moreFR = oneFR
	}
	if n == 1 {
		moreFR, moreEN = oneFR, oneEN
	}
	return text(fmt.Sprintf("%d %s", n, moreFR), fmt.Sprintf("%d %s", n, moreEN))
}
