package appliance

import (
	"context"
	"errors"
	"slices"
	"time"

	"huisclos/appliance/control"
	"huisclos/appliance/outbox"
	"huisclos/appliance/outward"
	"huisclos/hardening"
	"huisclos/meetings/invite"
)

// mail is what "huisclos status" says of it; nil where no mail leaves.
func (a *Appliance) mail() *control.Mail {
	s, err := a.post.Status()
	if err != nil || !s.On {
		return nil
	}
	m := &control.Mail{Waiting: s.Waiting, Oldest: s.Oldest, Sent: s.Sent, GivenUp: s.GivenUp}
	if f := s.Failing; f != nil {
		m.Failing, m.Detail = f.Since, f.Detail
		m.Step.FR, m.Step.EN = f.Step.Sentence()
	}
	return m
}

// mailSteps are the lines of "huisclos check mail", in the order of a mail's way.
var mailSteps = []struct {
	step   outbox.Step
	fr, en string // when it went well
}{
	{outbox.StepConnect, "le serveur est joint.", "the server is reached."},
	{outbox.StepGreeting, "il parle SMTP.", "it speaks SMTP."},
	{outbox.StepTLS, "la connexion est chiffrée.", "the connection is encrypted."},
	{outbox.StepCertificate, "son certificat convient.", "its certificate does."},
	{outbox.StepLogin, "l'identification est acceptée.", "the sign-in is accepted."},
	{outbox.StepSender, "l'expéditeur est accepté.", "the sender is accepted."},
	{outbox.StepRecipient, "le destinataire est accepté.", "the recipient is accepted."},
	{outbox.StepMessage, "le message est remis.", "the message is handed over."},
}

const tryMailWithin = 4 * time.Minute

// tryMail goes the way of a mail and says how far it came.
func (a *Appliance) tryMail(to string) hardening.Report {
	ctx, cancel := context.WithTimeout(context.Background(), tryMailWithin)
	defer cancel()
	return a.tryMailIn(ctx, to)
}

// tryMailIn is tryMail for who waits no longer than ctx.
func (a *Appliance) tryMailIn(ctx context.Context, to string) hardening.Report {
	if !a.post.On() {
		return hardening.Report{{Name: "mail", State: hardening.Missing, Detail: hardening.Text{FR: "aucun courriel ne part : mail.host n'est pas réglé.", EN: "no mail leaves: mail.host is not set."},
			Why: hardening.Text{FR: "Les liens d'activation se remettent à la main, et personne n'est prévenu d'un changement de son compte.", EN: "Activation links are handed over by hand, and nobody is told of a change of their account."},
			Do:  hardening.Text{FR: "Réglez [mail], puis redémarrez.", EN: "Set [mail], then restart."}}}
	}
	err := a.post.try(ctx, to, a.settings.now())
	if errors.Is(err, invite.ErrAddress) {
		return hardening.Report{{Name: "mail-recipient", State: hardening.Missing, Detail: hardening.Text{FR: "ce n'est pas une adresse électronique.", EN: "this is not a mail address."}}}
	}
	return mailReport(err, a.post.head().server, to != "")
}

func mailReport(err error, s *outbox.Server, sent bool) (r hardening.Report) {
	var f *outbox.Failure
	if err != nil && !errors.As(err, &f) {
		f = &outbox.Failure{Step: outbox.StepConnect, Err: err}
	}
	steps := slices.Clone(mailSteps)
	if s.Implicit { // TLS comes before the greeting
		steps = slices.Concat(mailSteps[:1], mailSteps[2:4], mailSteps[1:2], mailSteps[4:])
	}
	for _, l := range steps {
		switch {
		case s.Plain && (l.step == outbox.StepTLS || l.step == outbox.StepCertificate), s.User == "" && l.step == outbox.StepLogin,
			!sent && (l.step == outbox.StepRecipient || l.step == outbox.StepMessage):
			continue
		case f != nil && f.Step == l.step:
			return append(r, failedLine(f))
		}
		r = append(r, hardening.Line{Name: "mail-" + string(l.step), State: hardening.OK, Detail: hardening.Text{FR: l.fr, EN: l.en}})
	}
	return r
}

func failedLine(f *outbox.Failure) hardening.Line {
	fr, en := f.Step.Sentence()
	l := hardening.Line{Name: "mail-" + string(f.Step), State: hardening.Missing, Detail: hardening.Text{FR: fr + ".", EN: en + "."},
		Why: hardening.Text{FR: "Les courriels attendent, puis sont abandonnés après trois jours.", EN: "Mails wait, and are given up after three days."},
		Do:  hardening.Text{FR: "Cause : " + f.Err.Error(), EN: "Cause: " + f.Err.Error()}}
	var o *outward.Error
	if errors.As(f.Err, &o) {
		fr, en = o.Kind.Sentence()
		l.Do = hardening.Text{FR: fr + " (" + o.Detail + ")", EN: en + " (" + o.Detail + ")"}
	}
	return l
}
