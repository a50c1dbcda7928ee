package reach

import (
	"fmt"
	"net"
	"net/netip"
)

// The sentences about media, and about what can't be seen from here.

const (
	stillTCPfr = "Les clients passent par TCP, avec plus de retard quand le réseau perd des paquets."
	stillTCPen = "Clients go by TCP, with more delay when the network loses packets."
	nobodyFR   = "Personne n'a ni son ni image par cette adresse."
	nobodyEN   = "Nobody has sound or picture by this address."
)

func without(byTCP bool) (fr, en string) {
	if byTCP {
		return stillTCPfr, stillTCPen
	}
	return nobodyFR, nobodyEN
}

func udpAnswers(a netip.Addr) Finding {
	return line(a.String(), "udp", ok, "le son et l'image passent en UDP à "+a.String()+".", "sound and picture pass by UDP at "+a.String()+".")
}

func iceTCPAnswers(a netip.Addr) Finding {
	return line(a.String(), "ice-tcp", ok, "le son et l'image passent aussi par TCP (ICE-TCP) à "+a.String()+".", "sound and picture pass by TCP as well (ICE-TCP) at "+a.String()+".")
}

// unheard says what became of UDP that was sent to an address and port of ours.
func unheard(at string, refused bool) (fr, en string) {
	if refused {
		return "UDP " + at + " est refusé (ICMP).", "UDP " + at + " is refused (ICMP)."
	}
	return "UDP " + at + " reste sans réponse : un pare-feu jette les paquets.", "UDP " + at + " stays without an answer: a firewall drops the packets."
}

func udpFiltered(a netip.Addr, own, refused bool, p int, byTCP bool) Finding {
	at := net.JoinHostPort(a.String(), port(p))
	fr, en := unheard(at, refused)
	doFR := "Sur le routeur ou le pare-feu, renvoyez UDP " + port(p) + " de " + a.String() + " vers cette machine, comme TCP qui passe déjà."
	doEN := "On the router or firewall, forward UDP " + port(p) + " of " + a.String() + " to this machine, as TCP, which passes already."
	if own {
		doFR = "C'est le pare-feu de cette machine : voyez « nft list ruleset » (ou « ufw status ») ; la chaîne input doit accepter UDP " + port(p) + "."
		doEN = "It is the firewall of this machine: see “nft list ruleset” (or “ufw status”); the input chain must accept UDP " + port(p) + "."
	}
	whyFR, whyEN := without(byTCP)
	return line(a.String(), "udp-filtered", missing, fr, en).because(whyFR, whyEN, doFR, doEN).unless(byTCP)
}

func secondAnswers(a netip.Addr, p int) Finding {
	return line(a.String(), "second-port", ok, "Chrome et Edge, qui refusent le média sur le premier port à une adresse privée, passent en UDP par "+net.JoinHostPort(a.String(), port(p))+".",
		"Chrome and Edge, which refuse media at the first port of a private address, pass by UDP at "+net.JoinHostPort(a.String(), port(p))+".")
}

// withoutSecond is what becomes of browsers that refuse the first port: the relay takes UDP there, and TCP.
func withoutSecond(first int, heard bool) (fr, en string) {
	if heard {
		return "Le son et l'image de Chrome et d'Edge passent par le relais, en UDP sur le port " + port(first) + ", avec plus de travail pour le serveur.",
			"Sound and picture of Chrome and Edge go through the relay, by UDP at port " + port(first) + ", with more work for the server."
	}
	return "Le son et l'image de Chrome et d'Edge passent par le relais, en TCP sur le port " + port(first) + ", avec plus de retard et plus de travail pour le serveur.",
		"Sound and picture of Chrome and Edge go through the relay, by TCP at port " + port(first) + ", with more delay and more work for the server."
}

func secondFiltered(a netip.Addr, own, refused bool, p, first int, heard bool) Finding {
	at := net.JoinHostPort(a.String(), port(p))
	fr, en := unheard(at, refused)
	doFR := "Sur le routeur ou le pare-feu, renvoyez aussi UDP " + port(p) + " de " + a.String() + " vers cette machine."
	doEN := "On the router or firewall, forward UDP " + port(p) + " of " + a.String() + " to this machine as well."
	if own {
		doFR = "C'est le pare-feu de cette machine : voyez « nft list ruleset » (ou « ufw status ») ; la chaîne input doit accepter aussi UDP " + port(p) + "."
		doEN = "It is the firewall of this machine: see “nft list ruleset” (or “ufw status”); the input chain must accept UDP " + port(p) + " as well."
	}
	whyFR, whyEN := withoutSecond(first, heard)
	return line(a.String(), "second-port-filtered", missing, fr, en).because(whyFR, whyEN, doFR, doEN).unless(heard)
}

func secondSocketMissing(a netip.Addr, p, first int, heard bool) Finding {
	at := net.JoinHostPort(a.String(), port(p))
	whyFR, whyEN := withoutSecond(first, heard)
	return line(a.String(), "second-port-socket-missing", missing, "rien n'écoute en UDP sur "+at+" : systemd n'a pas ouvert le second port.", "nothing listens on UDP "+at+": systemd has not opened the second port.").
		because(whyFR, whyEN, "Voyez « systemctl status huisclos-media.socket » et ListenDatagram="+port(p)+" dans cette unité.",
			"See “systemctl status huisclos-media.socket” and ListenDatagram="+port(p)+" in that unit.").unless(heard)
}

// secondOff: without a candidate that they take, such browsers have nothing that the relay could lead them to either.
func secondOff(a netip.Addr, first int) Finding {
	return line(a.String(), "second-port-off", missing, "il n'y a pas de second port pour le média, et "+a.String()+" est une adresse privée.", "there is no second port for media, and "+a.String()+" is a private address.").
		because("Chrome et Edge y refusent le média sur le port "+port(first)+" : ils n'ont ni son ni image par cette adresse.",
			"Chrome and Edge refuse media at port "+port(first)+" there: they have neither sound nor picture by this address.",
			"Ouvrez-le : media_port dans les réglages, ListenDatagram= dans huisclos-media.socket ; ou prenez pour tout un port à partir de 1024.",
			"Open it: media_port in the settings, ListenDatagram= in huisclos-media.socket; or take a port from 1024 up for everything.")
}

func udpSocketMissing(a netip.Addr, p int, byTCP bool) Finding {
	at := net.JoinHostPort(a.String(), port(p))
	whyFR, whyEN := without(byTCP)
	return line(a.String(), "udp-socket-missing", missing, "rien n'écoute en UDP sur "+at+" : systemd n'a pas ouvert le port.", "nothing listens on UDP "+at+": systemd has not opened the port.").
		because(whyFR, whyEN, "Voyez « systemctl status huisclos-media.socket » et ListenDatagram= dans cette unité.",
			"See “systemctl status huisclos-media.socket” and ListenDatagram= in that unit.").unless(byTCP)
}

// udpOtherAddress: browsers take an answer only from where they asked (RFC 8445 §7.2.5.2.1).
func udpOtherAddress(a, from netip.Addr, byTCP bool) Finding {
	whyFR, whyEN := without(byTCP)
	return line(a.String(), "udp-other-address", missing, fmt.Sprintf("UDP demandé à %s est répondu par %s.", a, from), fmt.Sprintf("UDP asked at %s is answered from %s.", a, from)).
		because("Les navigateurs jettent une réponse qui vient d'ailleurs. "+whyFR, "Browsers drop an answer that comes from elsewhere. "+whyEN,
			"Une règle de cette machine ou de son hôte récrit ce qui sort (nftables, réseau de conteneurs) : qu'elle laisse ce port tel quel.",
			"A rule of this machine or its host rewrites what leaves (nftables, a container network): let it leave this port as it is.").unless(byTCP)
}

func udpHairpin(a, from netip.Addr, byTCP bool) Finding {
	return line(a.String(), "udp-hairpin", unknown, fmt.Sprintf("UDP demandé à %s est répondu par %s : la traduction ne fait pas demi-tour.", a, from),
		fmt.Sprintf("UDP asked at %s is answered from %s: the translation makes no U-turn (hairpin).", a, from)).
		because("Vu d'ici, cela ne dit rien des clients du dehors ; ceux du dedans qui viennent par cette adresse n'ont pas d'UDP.",
			"Seen from here this says nothing about clients outside; those inside who come by this address have no UDP.",
			"Ouvrez la page /test depuis un client du dehors. Pour ceux du dedans : DNS partagé en deux, avec l'adresse intérieure.",
			"Open the page /test from a client outside. For those inside: split DNS, with the inner address.").unless(byTCP)
}

func iceTCPFiltered(a netip.Addr, p int, heard bool) Finding {
	at := net.JoinHostPort(a.String(), port(p))
	return line(a.String(), "ice-tcp-filtered", missing, "TLS passe à "+at+", mais le son et l'image par TCP (ICE-TCP) n'y passent pas.", "TLS passes at "+at+", but sound and picture by TCP (ICE-TCP) do not.").
		because("Un appareil en chemin ne laisse passer que le TLS sur ce port (filtre de protocole, ou aiguillage par SNI) : un client sans UDP reste dehors.",
			"A device on the way lets only TLS pass on this port (a protocol filter, or routing by SNI): a client without UDP stays out.",
			"Laissez passer TCP "+port(p)+" sans regarder le protocole.", "Let TCP "+port(p)+" pass without looking at the protocol.").unless(heard)
}

// notJudged: a translation without hairpin answers nothing to those inside, exactly as a firewall that drops everything does.
func notJudged(a netip.Addr, f Facts) Finding {
	return line(a.String(), "not-judged", unknown, a.String()+" ne répond pas à cette machine, ni en TCP ni en UDP : d'ici, on ne peut pas en juger.",
		a.String()+" does not answer this machine, neither by TCP nor by UDP: that can't be judged from here.").
		because("Une traduction d'adresses sans demi-tour (hairpin) se tait vers le dedans, comme un pare-feu qui jette tout. Les clients du dehors peuvent fort bien passer ; ceux du dedans ne peuvent pas venir par cette adresse.",
			"An address translation without hairpin is silent towards the inside, as a firewall that drops everything is. Clients outside may well get through; those inside can't come by this address.",
			"Depuis un client du dehors, ouvrez "+f.page()+". Pour ceux du dedans, faites mener le nom à l'adresse intérieure (DNS partagé en deux).",
			"From a client outside, open "+f.page()+". For those inside, let the name lead to the inner address (split DNS).")
}

// outside is always said: no machine sees the firewalls before it by asking itself.
func outside(f Facts) Finding {
	return line("", "outside", unknown, "ce qui se trouve entre les clients et cette machine ne se voit que de chez eux.", "what stands between clients and this machine is seen only from where they are.").
		because("Les paquets de cette machine vers elle-même ne passent par aucun pare-feu du réseau.", "Packets from this machine to itself pass no firewall of the network.",
			"Depuis un poste de chaque réseau, ouvrez "+f.page()+" (« Tester ma connexion »).", "From a computer in each network, open "+f.page()+" (“Test my connection”).")
}

// page is the address of the users' own test.
func (f Facts) page() string {
	host := "…"
	switch {
	case len(f.Names) > 0:
		host = f.Names[0]
	case len(f.Public) > 0:
		host = f.Public[0].String()
	case len(f.Named) > 0:
		host = f.Named[0].String()
	case len(f.Own) > 0:
		host = f.Own[0].String()
	}
	if f.Port != 443 {
		host = net.JoinHostPort(host, port(f.Port))
	} else if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + host + "]"
	}
	return "https://" + host + "/test"
}
