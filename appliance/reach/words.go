package reach

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"huisclos/hardening"
)

// The sentences about names, pages and certificates; media.go has those about sound and picture.

const (
	ok      = hardening.OK
	missing = hardening.Missing
	unknown = hardening.Unknown
)

func list(addrs []netip.Addr) string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.String()
	}
	return strings.Join(out, ", ")
}

func nameUnknown(name string) Finding {
	return line(name, "name-unknown", missing, "le nom "+name+" n'existe pas dans le DNS que cette machine interroge.", "the name "+name+" does not exist in the DNS that this machine asks.").
		because("Les liens d'invitation portent ce nom : personne ne l'atteint.", "Invitation links carry this name: nobody reaches it.",
			"Ajoutez dans le DNS une entrée A (et AAAA pour IPv6) pour ce nom, ou corrigez hostnames.", "Add an A record (and AAAA for IPv6) for this name to the DNS, or mend hostnames.")
}

func nameNotAsked(name string) Finding {
	return line(name, "name-no-answer", unknown, "le DNS de cette machine n'a pas répondu pour "+name+".", "this machine's DNS gave no answer for "+name+".").
		because("Où le nom mène n'est pas connu d'ici.", "Where the name leads is not known from here.",
			"Voyez /etc/resolv.conf et si le serveur DNS répond, puis recommencez.", "See /etc/resolv.conf and whether the DNS server answers, then try again.")
}

func nameLeadsHere(name string, to []netip.Addr) Finding {
	return line(name, "name", ok, name+" mène ici ("+list(to)+").", name+" leads here ("+list(to)+").")
}

func nameSplit(name string, to, public []netip.Addr) Finding {
	return line(name, "name-split-dns", ok,
		"d'ici, "+name+" mène à "+list(to)+" ; dehors, il doit mener à "+list(public)+" (DNS partagé en deux).",
		"from here "+name+" leads to "+list(to)+"; outside it must lead to "+list(public)+" (split DNS).")
}

func nameElsewhere(name string, to netip.Addr, f Facts) Finding {
	here := list(append(append([]netip.Addr{}, f.Public...), f.Own...))
	return line(name, "name-elsewhere", missing,
		fmt.Sprintf("%s mène à %s, qui n'est ni une adresse de cette machine ni dans public_addresses (%s).", name, to, here),
		fmt.Sprintf("%s leads to %s, which is neither an address of this machine nor in public_addresses (%s).", name, to, here)).
		because("Qui suit un lien d'invitation arrive ailleurs, ou nulle part.", "Whoever follows an invitation link arrives elsewhere, or nowhere.",
			"Corrigez l'entrée du DNS. Si "+to.String()+" est l'adresse de la traduction (NAT 1:1), mettez-la dans public_addresses. Si les réponses du DNS diffèrent dedans et dehors, corrigez la vue intérieure.",
			"Mend the DNS record. If "+to.String()+" is the address of the translation (1:1 NAT), put it into public_addresses. If the DNS answers differently inside and outside, mend the inner view.")
}

func addressUndeclared(name string, to netip.Addr) Finding {
	return line(name, "address-undeclared", missing,
		fmt.Sprintf("%s mène à %s, qui conduit ici par une traduction d'adresses, mais public_addresses ne la nomme pas.", name, to),
		fmt.Sprintf("%s leads to %s, which comes here through address translation, but public_addresses does not name it.", name, to)).
		because("Les pages s'ouvrent, mais les clients du dehors envoient le son et l'image à une adresse intérieure : personne ne s'entend.",
			"Pages open, but clients outside send sound and picture to an inner address: nobody hears anybody.",
			fmt.Sprintf("Écrivez public_addresses = [\"%s\"] dans les réglages, puis lancez « systemctl restart huisclos ».", to),
			fmt.Sprintf("Write public_addresses = [\"%s\"] in the settings, then run “systemctl restart huisclos”.", to))
}

func ipv6Missing(name string) Finding {
	return line(name, "ipv6-missing", missing, name+" a une adresse IPv6 dans le DNS (AAAA), mais cette machine n'en a pas.", name+" has an IPv6 address in the DNS (AAAA), but this machine has none.").
		because("Les clients essaient IPv6 d'abord : ceux qui n'ont rien d'autre restent dehors, les autres attendent.", "Clients try IPv6 first: those that have nothing else stay out, the others wait.",
			"Donnez une adresse IPv6 à cette machine, ou retirez l'entrée AAAA.", "Give this machine an IPv6 address, or take the AAAA record away.")
}

func aaaaMissing(name string) Finding {
	return line(name, "aaaa-missing", missing, "cette machine a une adresse IPv6, mais le DNS n'a pas d'entrée AAAA pour "+name+".", "this machine has an IPv6 address, but the DNS has no AAAA record for "+name+".").
		because("Les clients qui n'ont qu'IPv6 (certains réseaux mobiles) dépendent de la traduction de leur opérateur.", "Clients that have only IPv6 (some mobile networks) depend on their operator's translation.",
			"Ajoutez une entrée AAAA, si le pare-feu laisse passer IPv6 comme IPv4.", "Add an AAAA record, if the firewall lets IPv6 pass as it does IPv4.").unless(true)
}

func nothingToTry() Finding {
	return line("", "no-address", missing, "aucun nom ni aucune adresse n'est connu sous lequel les clients viendraient.", "no name and no address is known under which clients would come.").
		because("Sans adresse, personne ne peut venir.", "Without an address nobody can come.",
			"Donnez hostnames dans les réglages, et une adresse à cette machine.", "Give hostnames in the settings, and this machine an address.")
}

func port(p int) string { return strconv.Itoa(p) }

func unreachable(a netip.Addr, own bool) Finding {
	return line(a.String(), "unreachable", missing, "il n'y a pas de route de cette machine vers "+a.String()+".", "there is no route from this machine to "+a.String()+".").
		because("Les clients sont envoyés à cette adresse.", "Clients are sent to this address.",
			"Voyez « ip route get "+a.String()+" » ; corrigez le réseau de la machine, ou retirez l'adresse des réglages ou du DNS.",
			"See “ip route get "+a.String()+"”; mend the machine's network, or take the address out of the settings or the DNS.").unless(!own && a.Is6())
}

func socketMissing(a netip.Addr, p int) Finding {
	return line(a.String(), "socket-missing", missing, fmt.Sprintf("rien n'écoute en TCP sur %s : systemd n'a pas ouvert le port.", net.JoinHostPort(a.String(), port(p))),
		fmt.Sprintf("nothing listens on TCP %s: systemd has not opened the port.", net.JoinHostPort(a.String(), port(p)))).
		because("Personne n'ouvre la page par cette adresse.", "Nobody opens the page by this address.",
			"Voyez « systemctl status huisclos.socket » et ListenStream= dans cette unité, et listen dans les réglages.",
			"See “systemctl status huisclos.socket” and ListenStream= in that unit, and listen in the settings.")
}

func tcpRefused(a netip.Addr, own bool, p int) Finding {
	at := net.JoinHostPort(a.String(), port(p))
	f := line(a.String(), "tcp-refused", missing, "TCP "+at+" est refusé.", "TCP "+at+" is refused.")
	if own {
		return f.because("Le port est ouvert, mais le pare-feu de cette machine le refuse.", "The port is open, but the firewall of this machine rejects it.",
			"Voyez « nft list ruleset » (ou « ufw status ») : la chaîne input doit accepter TCP et UDP "+port(p)+".",
			"See “nft list ruleset” (or “ufw status”): the input chain must accept TCP and UDP "+port(p)+".")
	}
	return f.because("L'appareil qui tient cette adresse refuse la connexion au lieu de la renvoyer ici.", "The device that holds this address refuses the connection instead of forwarding it here.",
		"Sur le routeur ou le pare-feu, renvoyez TCP et UDP "+port(p)+" de "+a.String()+" vers cette machine, sur le même port.",
		"On the router or firewall, forward TCP and UDP "+port(p)+" of "+a.String()+" to this machine, on the same port.")
}

func tcpFiltered(a netip.Addr, own bool, p int) Finding {
	at := net.JoinHostPort(a.String(), port(p))
	f := line(a.String(), "tcp-filtered", missing, "TCP "+at+" reste sans réponse : un pare-feu jette les paquets.", "TCP "+at+" stays without an answer: a firewall drops the packets.")
	if own {
		return f.because("C'est le pare-feu de cette machine : l'adresse est la sienne.", "It is the firewall of this machine: the address is its own.",
			"Voyez « nft list ruleset » (ou « ufw status ») : la chaîne input doit accepter TCP et UDP "+port(p)+".",
			"See “nft list ruleset” (or “ufw status”): the input chain must accept TCP and UDP "+port(p)+".")
	}
	return f.because("UDP passe par cette adresse, TCP non : c'est l'appareil qui traduit ou filtre en chemin.", "UDP passes at this address and TCP does not: it is the device that translates or filters on the way.",
		"Sur le routeur ou le pare-feu, renvoyez aussi TCP "+port(p)+" de "+a.String()+" vers cette machine.",
		"On the router or firewall, forward TCP "+port(p)+" of "+a.String()+" to this machine as well.")
}

func notTLS(a netip.Addr, p int) Finding {
	at := net.JoinHostPort(a.String(), port(p))
	return line(a.String(), "not-tls", missing, "TCP "+at+" s'ouvre, mais TLS n'y aboutit pas.", "TCP "+at+" opens, but TLS does not get through.").
		because("Un autre service tient ce port, ou un appareil en chemin coupe ce qui est chiffré.", "Another service holds this port, or a device on the way cuts what is encrypted.",
			"Voyez ce qui répond (« openssl s_client -connect "+at+" ») et où le routeur renvoie ce port.",
			"See what answers (“openssl s_client -connect "+at+"”) and where the router forwards this port.")
}

func otherServer(a netip.Addr, print string) Finding {
	return line(a.String(), "other-server", missing, fmt.Sprintf("à %s répond un autre serveur (certificat %.23s…), pas cette appliance.", a, print),
		fmt.Sprintf("at %s another server answers (certificate %.23s…), not this appliance.", a, print)).
		because("Les clients qui viennent par là ne la trouvent pas. C'est une autre machine, un mandataire (reverse proxy) qui ne renvoie pas ici, ou un appareil qui ouvre le TLS.",
			"Clients that come that way do not find it. It is another machine, a reverse proxy that does not forward here, or a device that opens TLS.",
			"Corrigez le renvoi de ce port, ou les noms et adresses des réglages.", "Mend where this port is forwarded to, or the names and addresses of the settings.")
}

func pageAnswers(a netip.Addr, own bool) Finding {
	if own {
		return line(a.String(), "page", ok, "la page de cette appliance répond à "+a.String()+", vue de cette machine même.", "this appliance's page answers at "+a.String()+", seen from this machine itself.")
	}
	return line(a.String(), "page", ok, "la page de cette appliance répond à "+a.String()+", par la traduction d'adresses.", "this appliance's page answers at "+a.String()+", through the address translation.")
}

func pageWrong(a netip.Addr, status int) Finding {
	return line(a.String(), "page-wrong", missing, fmt.Sprintf("à %s le certificat est le bon, mais la page de santé ne répond pas comme elle doit (HTTP %d).", a, status),
		fmt.Sprintf("at %s the certificate is the right one, but the health page does not answer as it should (HTTP %d).", a, status)).
		because("Une autre appliance porte le même certificat, ou celle-ci refuse le nom sous lequel on vient.", "Another appliance has the same certificate, or this one refuses the name under which people come.",
			"Mettez le nom dans hostnames ou l'adresse dans public_addresses, et voyez « journalctl -u huisclos ».",
			"Put the name into hostnames or the address into public_addresses, and see “journalctl -u huisclos”.")
}

// proxyManners: what a proxy has to say of the requests that it passes on. Nothing is said where the appliance did not tell.
func proxyManners(w Way) (out []Finding) {
	at := w.Addr.String()
	if !w.Peer.IsValid() {
		return nil
	}
	if w.OtherHost {
		out = append(out, line(at, "proxy-host", missing, "le mandataire à "+at+" ne transmet pas le nom sous lequel on vient (Host).", "the proxy at "+at+" does not pass on the name under which people come (Host).").
			because("L'appliance ne peut savoir que la page est la sienne : toute connexion est refusée.", "The appliance can't know that the page is its own: every sign-in is refused.",
				"Transmettez l'en-tête Host tel quel (nginx : « proxy_set_header Host $http_host; »).", "Pass the header Host on as it is (nginx: “proxy_set_header Host $http_host;”)."))
	}
	switch {
	case !w.Trusted:
		out = append(out, line(at, "proxy-untrusted", missing, fmt.Sprintf("les requêtes qui viennent par %s arrivent de %s, que trusted_proxies ne nomme pas.", at, w.Peer),
			fmt.Sprintf("requests that come by %s arrive from %s, which trusted_proxies does not name.", at, w.Peer)).
			because("Tous les participants comptent comme une seule adresse : qui se trompe de phrase de passe fait attendre les autres, et le journal d'audit ne montre que le mandataire.",
				"All participants count as one address: whoever mistypes a passphrase makes the others wait, and the audit log shows the proxy alone.",
				fmt.Sprintf("Si cette adresse est bien celle de votre mandataire, écrivez trusted_proxies = [\"%s\"] dans les réglages, puis lancez « systemctl restart huisclos ».", w.Peer),
				fmt.Sprintf("If that address is your proxy's, write trusted_proxies = [\"%s\"] in the settings, then run “systemctl restart huisclos”.", w.Peer)).unless(true))
	case w.Client == w.Peer || !w.Client.IsValid():
		out = append(out, line(at, "proxy-unnamed", missing, "le mandataire à "+at+" ne dit pas pour qui il parle (X-Forwarded-For).", "the proxy at "+at+" does not say for whom it speaks (X-Forwarded-For).").
			because("Tous les participants comptent comme une seule adresse : qui se trompe de phrase de passe fait attendre les autres, et le journal d'audit ne montre que le mandataire.",
				"All participants count as one address: whoever mistypes a passphrase makes the others wait, and the audit log shows the proxy alone.",
				"Faites-lui écrire l'adresse du client (nginx : « proxy_set_header X-Forwarded-For $remote_addr; »).", "Have it write the client's address (nginx: “proxy_set_header X-Forwarded-For $remote_addr;”).").unless(true))
	default:
		out = append(out, line(at, "proxy-client", ok, "le mandataire à "+at+" dit pour qui il parle, et il est cru.", "the proxy at "+at+" says for whom it speaks, and is believed."))
	}
	return out
}

// proxy: whoever takes TLS apart for HTTP has no way for ICE-TCP, which is no HTTP (RFC 4571 frames on the bare connection). Who
// looks at the first octet before may have one.
func proxy(w Way, heard bool, f Facts) Finding {
	a := w.Addr
	frAnswers := fmt.Sprintf("à %s répond un mandataire HTTPS qui renvoie les pages ici", a)
	enAnswers := fmt.Sprintf("at %s an HTTPS reverse proxy answers and forwards the pages here", a)
	if w.ICETCP == Answered && (f.public(a) || f.own(a)) {
		return line(a.String(), "proxy", ok, frAnswers+", et laisse passer l'ICE-TCP à côté.", enAnswers+", and lets ICE-TCP pass beside them.")
	}
	out := line(a.String(), "proxy", missing, frAnswers+".", enAnswers+".")
	told := append(append([]netip.Addr{}, f.Public...), f.Named...)
	if len(f.Named) == 0 && a.IsPrivate() { // then clients are told the machine's own, and who reaches a private proxy may well reach those
		told = append(told, f.Own...)
	}
	switch {
	case heard && !f.public(a) && !f.own(a):
		return out.because("UDP arrive ici par cette adresse, mais les clients ne le savent pas : public_addresses ne la nomme pas. ICE-TCP ne passe pas par un mandataire HTTP.",
			"UDP arrives here by this address, but clients do not know: public_addresses does not name it. ICE-TCP can't pass through an HTTP proxy.",
			"Écrivez public_addresses = [\""+a.String()+"\"] dans les réglages, puis lancez « systemctl restart huisclos ».",
			"Write public_addresses = [\""+a.String()+"\"] in the settings, then run “systemctl restart huisclos”.")
	case heard:
		return out.because("ICE-TCP ne passe pas par un mandataire HTTP : sans UDP, un client n'a ni son ni image. UDP arrive bien à cette adresse.",
			"ICE-TCP can't pass through an HTTP proxy: without UDP a client has neither sound nor picture. UDP does arrive at this address.",
			"Pour eux, faites passer à côté du HTTP ce qui n'en est pas (nginx : stream et ssl_preread, voir le guide d'installation).",
			"For them, let what is not HTTP pass beside it as bare TCP (nginx: stream and ssl_preread, see the installation guide).").unless(true)
	case f.mediaElsewhere(a, told):
		return out.because("Par lui ne passent que les pages et la signalisation. ICE-TCP n'y passe pas ; il reste l'UDP et l'ICE-TCP directs vers "+list(told)+".",
			"Only pages and signalling pass through it. ICE-TCP does not; what remains is UDP and ICE-TCP straight to "+list(told)+".",
			"Les clients doivent atteindre une de ces adresses en UDP "+port(f.Port)+" ou TCP "+port(f.Port)+" : ouvrez-les au pare-feu, puis essayez avec la page /test.",
			"Clients must reach one of these addresses by UDP "+port(f.Port)+" or TCP "+port(f.Port)+": open them at the firewall, then try with the page /test.").unless(true)
	}
	return out.because("ICE-TCP ne passe pas par un mandataire HTTP, et aucune adresse n'est dite aux clients où UDP arrive ici depuis l'extérieur : ils se voient dans la liste mais personne ne s'entend.",
		"ICE-TCP can't pass through an HTTP proxy, and clients are told no address at which UDP arrives here from outside: they see each other in the list and nobody hears anybody.",
		"Renvoyez UDP "+port(f.Port)+" d'une adresse que les clients atteignent vers cette machine, et nommez-la dans public_addresses ; ou faites passer TCP "+port(f.Port)+" brut au lieu de HTTP.",
		"Forward UDP "+port(f.Port)+" of an address that clients reach to this machine, and name it in public_addresses; or pass TCP "+port(f.Port)+" on bare instead of as HTTP.")
}

// mediaElsewhere reports whether media is answered at another of the addresses that clients are told.
func (f Facts) mediaElsewhere(but netip.Addr, told []netip.Addr) bool {
	for _, a := range told {
		if w := f.wayTo(a); a != but && (w.UDP == Answered && w.UDPFrom == a || w.ICETCP == Answered) {
			return true
		}
	}
	return false
}
