package hardening

import "golang.org/x/sys/unix"

// timeError is TIME_ERROR of adjtimex(2): the clock is not synchronised.
const timeError = 5

// ClockKept asks the kernel whether something keeps its clock right. A confined service may not ask.
func ClockKept() Line {
	var t unix.Timex // all zero: it is only read
	state, err := unix.Adjtimex(&t)
	return clockKept(state, err)
}

func clockKept(state int, err error) Line {
	l := Line{Name: "clock-kept", State: OK, Advice: true, Detail: Text{"l'horloge est tenue à l'heure.", "the clock is kept right."},
		Why: Text{"Une horloge qui dérive finit par être fausse.", "A clock that drifts is wrong in the end."},
		Do:  Text{"Installez chrony et donnez-lui un serveur de temps de votre réseau.", "Install chrony and give it a time server of your network."}}
	switch {
	case err != nil:
		l.State, l.Detail = Unknown, unreadable()
	case state == timeError:
		l.State, l.Detail = Missing, Text{"rien ne tient l'horloge à l'heure.", "nothing keeps the clock right."}
	}
	return l
}
