package control

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"huisclos/hardening"
)

// doctor looks at an appliance from outside of its process.
type doctor struct {
	place
	look Look
	now  time.Time
	proc string
}

const (
	patience    = 3 * time.Second
	leastSpace  = 1 << 30 // the database grows by megabytes; a full disk stops every sign-in
	renewBefore = 30      // days
)

func line(name string, state hardening.State, fr, en string) hardening.Line {
	return hardening.Line{Name: name, State: state, Detail: hardening.Text{FR: fr, EN: en}}
}

func because(l hardening.Line, whyFR, whyEN, doFR, doEN string) hardening.Line {
	l.Why, l.Do = hardening.Text{FR: whyFR, EN: whyEN}, hardening.Text{FR: doFR, EN: doEN}
	return l
}

// examine returns all lines, the local ones first.
func (d doctor) examine(ctx context.Context) hardening.Report {
	settings := d.settings()
	out := hardening.Report{settings}
	if settings.State == hardening.Missing {
		return append(append(out, d.clock()...), hardening.Machine(d.proc)...) // nobody knows where the rest is
	}
	out = append(out, d.data(), d.fileSystem(), d.look.line(d.Data), d.pepper(), d.space())
	out = append(out, d.clock()...)
	out = append(out, d.names(ctx), d.media())
	answer, err := ask(d.ControlPath(), actCheck)
	out = append(out, d.server(err))
	if err != nil {
		return append(out, hardening.Machine(d.proc)...)
	}
	if answer.Status != nil {
		out = append(out, d.port(ctx, *answer.Status)...)
	}
	return append(out, merge(answer.Report, hardening.Machine(d.proc))...)
}

func (d doctor) settings() hardening.Line {
	l := line("settings", hardening.OK, "les réglages sont compris.", "the settings are understood.")
	switch {
	case errors.Is(d.err, fs.ErrPermission):
		l = line("settings", hardening.Missing, "les réglages ne sont pas lisibles pour ce compte.", "this account may not read the settings.")
	case d.err != nil:
		l = line("settings", hardening.Missing, fmt.Sprintf("les réglages ne conviennent pas (%v).", d.err), fmt.Sprintf("the settings do not do (%v).", d.err))
	}
	return because(l, "L'appliance ne démarre pas avec une erreur dans ses réglages.", "The appliance does not start with an error in its settings.",
		"Corrigez la ligne indiquée, ou lancez cette commande avec sudo.", "Mend the line that is named, or run this command with sudo.")
}

func (d doctor) data() hardening.Line {
	info, err := os.Stat(d.Data)
	l := line("data-directory", hardening.OK, d.Data+" n'est ouvert qu'à l'appliance.", d.Data+" is open to the appliance alone.")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l = line("data-directory", hardening.Missing, d.Data+" n'existe pas.", d.Data+" does not exist.")
	case err != nil:
		l = line("data-directory", hardening.Unknown, d.Data+" n'est pas lisible d'ici.", d.Data+" cannot be read from here.")
	case !info.IsDir():
		l = line("data-directory", hardening.Missing, d.Data+" n'est pas un dossier.", d.Data+" is not a directory.")
	case info.Mode().Perm()&0o077 != 0:
		l = line("data-directory", hardening.Missing, fmt.Sprintf("%s est ouvert à d'autres (%04o).", d.Data, info.Mode().Perm()),
			fmt.Sprintf("%s is open to others (%04o).", d.Data, info.Mode().Perm()))
	}
	return because(l, "Il contient la base, le poivre des phrases de passe et la clé du certificat.", "It holds the database, the pepper of the passphrases and the certificate's key.",
		"Lancez « chmod 700 "+d.Data+" », ou démarrez l'appliance, qui le crée.", "Run “chmod 700 "+d.Data+"”, or start the appliance, which makes it.")
}

// pepper looks whether the secret that passphrases are hashed with lies where the hashes do.
func (d doctor) pepper() hardening.Line {
	_, err := os.Stat(filepath.Join(d.Data, "pepper"))
	l := line("pepper", hardening.Unknown, "ne peut pas être cherché d'ici.", "cannot be looked for from here.")
	switch {
	case err == nil:
		l = line("pepper", hardening.Missing, "le poivre des phrases de passe est un fichier, à côté de la base.", "the pepper of the passphrases is a file, beside the database.")
	case errors.Is(err, fs.ErrNotExist):
		l = line("pepper", hardening.OK, "il n'est pas à côté de la base.", "it is not beside the database.")
	}
	l.Advice = true
	return because(l, "Qui vole la base et le poivre peut chercher les phrases de passe faibles.", "Whoever steals the database and the pepper can search for weak passphrases.",
		"S'il y a un TPM, confiez-le-lui (guide de durcissement, « Secrets »).", "If there is a TPM, entrust it to that (hardening guide, “Secrets”).")
}

func (d doctor) space() hardening.Line {
	var s syscall.Statfs_t
	l := line("disk-space", hardening.Unknown, "ne peut pas être lu d'ici.", "cannot be read from here.")
	if err := syscall.Statfs(d.Data, &s); err == nil {
		free := s.Bavail * uint64(s.Bsize)
		state := hardening.OK
		if free < leastSpace {
			state = hardening.Missing
		}
		l = line("disk-space", state, fmt.Sprintf("%d Mio libres.", free>>20), fmt.Sprintf("%d MiB free.", free>>20))
	}
	return because(l, "Sans place, rien ne s'enregistre plus et personne ne se connecte.", "Without space nothing is stored any more and nobody signs in.",
		"Libérez de la place, ou agrandissez le disque : il en faut 1 Gio.", "Free some space, or enlarge the disk: it takes 1 GiB.")
}

// clock has two lines: a clock that is plainly wrong, and one that nobody keeps right.
func (d doctor) clock() hardening.Report {
	const firstYear = 2026 // this program was written then
	sane := line("clock", hardening.OK, d.now.UTC().Format("2006-01-02 15:04 UTC."), d.now.UTC().Format("2006-01-02 15:04 UTC."))
	if d.now.Year() < firstYear {
		sane.State = hardening.Missing
	}
	sane = because(sane, "Une horloge fausse rend les certificats non valables et fausse le journal d'audit.", "A wrong clock makes certificates invalid and the audit log false.",
		"Réglez l'heure (timedatectl set-time), puis installez chrony.", "Set the time (timedatectl set-time), then install chrony.")
	return hardening.Report{sane, hardening.ClockKept()}
}

// names looks whether the host names lead here.
func (d doctor) names(ctx context.Context) hardening.Line {
	why := func(l hardening.Line) hardening.Line {
		return because(l, "Les liens d'invitation portent ce nom.", "Invitation links carry this name.",
			"Ajoutez dans le DNS de votre réseau une entrée qui mène ce nom à une adresse de cette machine, ou donnez l'adresse publique dans public_addresses.",
			"Add an entry to your network's DNS that leads this name to an address of this machine, or give the public address in public_addresses.")
	}
	if len(d.Hostnames) == 0 {
		return why(line("names", hardening.OK, "aucun nom n'est réglé : on vient par l'adresse.", "no name is set: people come by the address."))
	}
	own, proxied := slices.Concat(d.Addresses, d.PublicAddresses), false
	if list, err := net.InterfaceAddrs(); err == nil {
		for _, a := range list {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				own = append(own, p.Addr())
			}
		}
	}
	for _, name := range d.Hostnames {
		ctx, cancel := context.WithTimeout(ctx, patience)
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		cancel()
		if err != nil {
			return why(line("names", hardening.Missing, name+" n'est pas connu du DNS.", name+" is not known to the DNS."))
		}
		if !slices.ContainsFunc(found, func(a netip.Addr) bool { return slices.Contains(own, a.Unmap()) }) {
			if slices.ContainsFunc(found, d.Trusts) {
				proxied = true
				continue
			}
			return why(line("names", hardening.Missing, name+" ne mène pas à cette machine.", name+" does not lead to this machine."))
		}
	}
	if proxied {
		return why(line("names", hardening.OK, "les noms mènent à cette machine ou à l'un de ses mandataires (trusted_proxies).", "the names lead to this machine or to one of its proxies (trusted_proxies)."))
	}
	return why(line("names", hardening.OK, "tous les noms mènent à cette machine.", "all names lead to this machine."))
}

// media says where clients are told to send media, because nothing else shows it when nobody is heard.
func (d doctor) media() hardening.Line {
	l := line("media-addresses", hardening.OK, "chaque participant envoie audio et vidéo à l'adresse par laquelle il est venu.",
		"each participant sends audio and video to the address by which they came.")
	if len(d.Addresses)+len(d.PublicAddresses) > 0 {
		l = line("media-addresses", hardening.OK, "les réglages nomment les adresses où envoyer audio et vidéo.", "the settings name the addresses to send audio and video to.")
	}
	return because(l, "Derrière un mandataire ou une traduction d'adresses, l'adresse d'arrivée n'est pas celle que les participants atteignent.",
		"Behind a proxy or address translation, the address of arrival is not the one that participants reach.",
		"Si personne ne s'entend, donnez dans public_addresses l'adresse que les participants atteignent.",
		"If nobody hears anybody, give in public_addresses the address that participants reach.")
}

func (d doctor) server(err error) hardening.Line {
	l := line("server", hardening.OK, "l'appliance répond.", "the appliance answers.")
	doFR, doEN := "Lisez « journalctl -u huisclos », puis lancez « systemctl start huisclos ».", "Read “journalctl -u huisclos”, then run “systemctl start huisclos”."
	if err != nil {
		l = line("server", hardening.Missing, "l'appliance ne répond pas.", "the appliance does not answer.")
		if errors.Is(err, fs.ErrPermission) {
			l = line("server", hardening.Missing, "ce compte ne peut pas parler à l'appliance.", "this account may not talk to the appliance.")
			doFR, doEN = "Lancez « sudo huisclos check ».", "Run “sudo huisclos check”."
		}
	}
	return because(l, "Sans elle, personne ne se réunit, et sa propre vérification manque ici.", "Without it nobody meets, and its own self-check is missing here.", doFR, doEN)
}

// port goes to the port as a browser does, and looks at the certificate that is served there.
func (d doctor) port(ctx context.Context, s Status) hardening.Report {
	host, _, err := net.SplitHostPort(d.Listen)
	if ip, bad := netip.ParseAddr(host); err != nil || bad != nil || ip.IsUnspecified() {
		host = "localhost"
	}
	at := net.JoinHostPort(host, strconv.Itoa(s.Port))
	answers := func(state hardening.State, fr, en string) hardening.Line {
		return because(line("port", state, fr, en), "Les pages et les messages passent par ce port.", "Pages and messages pass through this port.",
			"Voyez ce qui est dit dans « journalctl -u huisclos », et le pare-feu de la machine.", "See what “journalctl -u huisclos” says, and the machine's firewall.")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true}} // it is looked at below
	conn, err := dialer.DialContext(ctx, "tcp", at)
	if err != nil {
		return hardening.Report{answers(hardening.Missing, at+" ne répond pas.", at+" does not answer.")}
	}
	defer conn.Close()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	return hardening.Report{answers(hardening.OK, at+" répond.", at+" answers."), d.certificate(chain, s.SelfSigned)}
}

func (d doctor) certificate(chain []*x509.Certificate, selfSigned bool) hardening.Line {
	say := func(state hardening.State, fr, en string) hardening.Line {
		return because(line("certificate", state, fr, en), "Sans certificat valable, les navigateurs refusent la page.", "Without a valid certificate browsers refuse the page.",
			"Renouvelez le certificat et sa chaîne (tls.certificate, tls.key), puis lancez « systemctl reload huisclos ».",
			"Renew the certificate and its chain (tls.certificate, tls.key), then run “systemctl reload huisclos”.")
	}
	leaf := chain[0] // TLS 1.3: a server always sends one
	left := days(leaf.NotAfter, d.now)
	switch {
	case d.now.Before(leaf.NotBefore):
		return say(hardening.Missing, "le certificat commence plus tard : lui ou l'horloge est faux.", "the certificate begins later: it or the clock is wrong.")
	case d.now.After(leaf.NotAfter):
		return say(hardening.Missing, "le certificat est expiré.", "the certificate has expired.")
	case selfSigned:
		return say(hardening.OK, fmt.Sprintf("auto-signé, encore %d jours ; il se renouvelle seul.", left), fmt.Sprintf("self-signed, %d days left; it renews itself.", left))
	case left < renewBefore:
		return say(hardening.Missing, fmt.Sprintf("le certificat expire dans %d jours.", left), fmt.Sprintf("the certificate expires in %d days.", left))
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	for _, name := range d.Hostnames {
		if leaf.VerifyHostname(name) != nil {
			return say(hardening.Missing, "le certificat n'est pas pour "+name+".", "the certificate is not for "+name+".")
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Intermediates: between, CurrentTime: d.now}); err != nil {
		l := say(hardening.Missing, "cette machine ne connaît pas l'autorité de la chaîne.", "this machine does not know the chain's authority.")
		l.Advice = true // an organisation's own authority is known to its browsers, not always to this machine
		return l
	}
	return say(hardening.OK, fmt.Sprintf("valable, encore %d jours.", left), fmt.Sprintf("valid, %d days left.", left))
}
