package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"huisclos/client"
	"huisclos/client/ivf"
	"huisclos/client/ogg"
)

// askCode stands where the code of a second factor is typed.
var askCode = [2]string{"Code du second facteur, ou code de secours", "Code of the second factor, or recovery code"}

// askPIN stands where a room's PIN is typed.
var askPIN = [2]string{"Code de la salle", "PIN of the room"}

// happened says an event in both languages; empty where it is of no interest to a person.
func happened(e client.Event) (fr, en string) {
	name := ""
	if e.Person != nil {
		name = printable(e.Person.Name)
	}
	switch e.Kind {
	case client.SignedIn:
		return "Connecté comme " + printable(e.Detail) + ".", "Signed in as " + printable(e.Detail) + "."
	case client.Waiting:
		switch e.Detail {
		case "lobby":
			return "Un hôte doit ouvrir la porte.", "A host has to open the door."
		case "locked":
			return "La salle est fermée à clé.", "The room is locked."
		}
		return "L'hôte n'est pas encore là.", "The host is not there yet."
	case client.InCall:
		return "Dans l'appel.", "In the call."
	case client.Joined:
		return name + " arrive.", name + " joined."
	case client.Gone:
		return name + " part.", name + " left."
	case client.Reconnecting:
		return "Connexion perdue ; nouvel essai.", "Connection lost; trying again."
	case client.FirstFrame:
		return "Premières données ouvertes.", "First frame opened."
	case client.Refused:
		return "Le serveur refuse des paquets d'ici : " + e.Detail + ".", "The server refuses packets of ours: " + e.Detail + "."
	}
	return "", ""
}

// printable takes out of a name what could move a terminal's cursor.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, name)
}

type streamJSON struct {
	Name    string         `json:"name"`
	Leaf    uint32         `json:"leaf"`
	Stream  uint8          `json:"context"`
	Packets int            `json:"packets"`
	Lost    int            `json:"lost"`
	Opened  int            `json:"opened"`
	Refused map[string]int `json:"refused,omitempty"`
}

// summary is the last thing that is printed.
func (p *printer) summary(s client.Stats, files []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]streamJSON, 0, len(s.Streams))
	for _, one := range s.Streams {
		j := streamJSON{one.Person.Name, one.Person.Leaf, uint8(one.Context), one.Packets, one.Lost, one.Opened, map[string]int{}}
		for reason, n := range one.Refused {
			j.Refused[string(reason)] = n
		}
		list = append(list, j)
	}
	if files == nil {
		files = []string{}
	}
	slices.Sort(files)
	if p.json {
		_ = json.NewEncoder(p.w).Encode(map[string]any{"summary": map[string]any{
			"joinMs": millis(s.Times.InCall.Sub(s.Times.Started)), "signInMs": millis(s.Times.SignedIn.Sub(s.Times.Started)),
			"firstFrameMs": firstFrame(s.Times), "epoch": s.Epoch, "words": s.Words, "people": s.People, "transport": s.Transport,
			"sealed": map[string]int{"sound": s.Sealed[client.Microphone], "picture": s.Sealed[client.Camera]}, "streams": list, "files": files}})
		return
	}
	for _, j := range list {
		kind := "image / picture"
		if j.Stream&1 == 1 && j.Stream > 1 || j.Stream == 0 {
			kind = "son / sound"
		}
		fmt.Fprintf(p.w, "  %s, %s : %d ouvertes, %d perdus / %d opened, %d lost\n", printable(j.Name), kind, j.Opened, j.Lost, j.Opened, j.Lost)
	}
	for _, f := range files {
		fmt.Fprintf(p.w, "  → %s\n", f)
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// firstFrame is the time from the start to the first frame that opened; nil if none has.
func firstFrame(t client.Times) any {
	if t.FirstFrame.IsZero() {
		return nil
	}
	return millis(t.FirstFrame.Sub(t.Started))
}

// explain says in both languages what to do, and the cause.
func explain(w io.Writer, err error) {
	fr, en := Sentences(err)
	fmt.Fprintf(w, "huisclos : %s\nhuisclos: %s\n  (%v)\n", fr, en, err)
}

// Sentences are what to do about an error of a call, in French and in English.
func Sentences(err error) (fr, en string) {
	switch {
	case errors.Is(err, errUsage):
		return "la ligne de commande n'est pas comprise ; voyez « huisclos call join --help ».", "the command line is not understood; see “huisclos call join --help”."
	case errors.Is(err, client.ErrLink):
		return "ce n'est pas le lien d'une salle (https://…/r/…#…) ; copiez-le en entier, entre apostrophes.",
			"this is no room's link (https://…/r/…#…); copy it whole, between quotes."
	case errors.Is(err, errNoPassphrase):
		return "il manque la phrase secrète ; donnez --passphrase-file, ou HUISCLOS_PASSPHRASE.", "the passphrase is missing; give --passphrase-file, or HUISCLOS_PASSPHRASE."
	case errors.Is(err, errNoCode):
		return sentences["secondFactorNeeded"][0], sentences["secondFactorNeeded"][1]
	case errors.Is(err, errNoPIN):
		return sentences["pin-needed"][0], sentences["pin-needed"][1]
	case errors.Is(err, errOpenFile):
		return "d'autres peuvent lire le fichier qui contient le secret ; lancez « chmod 600 ».", "others can read the file that holds the secret; run “chmod 600”."
	case errors.Is(err, ivf.ErrFormat):
		return "l'image n'est pas un fichier IVF de VP8 ; convertissez-la, par exemple avec ffmpeg -c:v libvpx -f ivf.",
			"the picture is no IVF file of VP8; convert it, for instance with ffmpeg -c:v libvpx -f ivf."
	case errors.Is(err, ogg.ErrFormat):
		return "le son n'est pas un fichier Ogg Opus ; convertissez-le, par exemple avec opusenc.", "the sound is no Ogg Opus file; convert it, for instance with opusenc."
	case errors.Is(err, fs.ErrNotExist):
		return "ce fichier n'existe pas.", "there is no such file."
	case errors.Is(err, fs.ErrPermission):
		return "ce fichier ou ce dossier n'est pas accessible à ce compte.", "this file or directory is closed to this account."
	}
	if s, ok := sentences[client.Code(err)]; ok {
		return s[0], s[1]
	}
	return "l'appel ne peut pas continuer ; la cause est ci-dessous.", "the call cannot go on; the cause is below."
}

var sentences = map[string][2]string{
	"bad-credentials": {"l'adresse ou la phrase secrète n'est pas la bonne.", "the e-mail address or the passphrase is not right."},
	"secondFactorNeeded": {"ce compte a un second facteur ; tapez son code quand il est demandé, ou donnez HUISCLOS_CODE.",
		"this account has a second factor; type its code when asked, or give HUISCLOS_CODE."},
	"codeWrong": {"ce code n'est pas le bon, a déjà servi ou n'est plus à l'heure ; attendez le suivant.",
		"this code is not right, was used already or is out of date; wait for the next one."},
	"factorRequired": {"le rôle de ce compte demande un second facteur ; ajoutez-le dans un navigateur, sur la page du compte.",
		"this account's role needs a second factor; add it in a browser, on the account's page."},
	"pin-needed": {"cette salle a un code ; tapez-le quand il est demandé, ou donnez --pin-file ou HUISCLOS_PIN.",
		"this room has a PIN; type it when asked, or give --pin-file or HUISCLOS_PIN."},
	"pin-wrong":     {"ce n'est pas le code de la salle.", "this is not the room's PIN."},
	"room-barred":   {"cette salle est réservée à des personnes choisies ; demandez à la personne qui la tient.", "this room is for chosen people; ask the person who runs it."},
	"forbidden":     {"ce compte ne peut pas entrer dans cette salle.", "this account may not enter this room."},
	"too-many":      {"trop d'essais ; attendez un moment.", "too many tries; wait a moment."},
	"not-signed-in": {"la session est finie ; recommencez.", "the session is over; begin again."},
	"session-ended": {"la session de ce compte a été fermée.", "this account's session was ended."},
	"certificate": {"le certificat de l'appliance n'est pas reconnu ; comparez son empreinte (huisclos status) et donnez-la à --certificate-sha256.",
		"the appliance's certificate is not trusted; compare its fingerprint (huisclos status) and give it to --certificate-sha256."},
	"unreachable":  {"l'appliance ne répond pas à cette adresse.", "the appliance does not answer at this address."},
	"no-time-left": {"personne n'a ouvert la porte à temps, ou l'appliance ne répond pas.", "nobody opened the door in time, or the appliance does not answer."},
	"room-unknown": {"cette salle n'existe pas, ou plus.", "this room does not exist, or no longer."},
	"room-deleted": {"la salle a été supprimée.", "the room was deleted."},
	"denied":       {"un hôte a refusé l'entrée.", "a host turned this participant away."},
	"removed":      {"un hôte a mis ce participant dehors.", "a host removed this participant."},
	"replaced":     {"le même appareil est entré ailleurs et a pris la place.", "the same device came in elsewhere and took the place."},
	"device-busy":  {"cet appareil est déjà dans l'appel ; donnez --take-over, ou un autre dossier à --state.", "this device is in the call already; give --take-over, or another directory to --state."},
	"ended":        {"l'appel est fini.", "the call is over."},
	"full":         {"l'appel est complet.", "the call is full."},
	"capacity":     {"l'appliance porte déjà tous les appels qu'elle peut ; réessayez dans quelques minutes.", "the appliance already carries all the calls it can; try again in a few minutes."},
	"calls":        {"il y a déjà autant d'appels que les réglages en permettent ; réessayez quand un autre sera fini.", "as many calls run as the settings allow; try again when another is over."},
	"draining":     {"l'appliance ne commence aucun nouvel appel en ce moment ; ceux en cours continuent.", "the appliance begins no new call at the moment; those in progress go on."},
	"not-recorded": {"l'appliance ne peut rien enregistrer en ce moment (son disque) : personne n'entre, les appels en cours continuent. Prévenez la personne qui la gère.",
		"the appliance can record nothing at the moment (its disk): nobody comes in, calls in progress go on. Tell the person who runs it."},
	"clock": {"l'heure de cette machine et celle de l'appliance sont trop éloignées ; vérifiez la date et l'heure des deux.",
		"the clocks of this machine and of the appliance are too far apart; look at date and time of both."},
	"log-shorter": {"le journal des clés de l'appliance est plus court que celui que cette machine a vu. Une sauvegarde restaurée fait cela, une attaque aussi : demandez à la personne qui gère l'appliance ; si c'est une sauvegarde, donnez --accept-key-log.",
		"the appliance's key log is shorter than the one that this machine has seen. A restored backup does that, and so does an attack: ask the person who runs the appliance; if it is a backup, give --accept-key-log."},
	"log-forked": {"le journal des clés de l'appliance n'est pas la suite de celui que cette machine a vu. Une sauvegarde restaurée fait cela, une attaque aussi : demandez à la personne qui gère l'appliance ; si c'est une sauvegarde, donnez --accept-key-log.",
		"the appliance's key log does not continue the one that this machine has seen. A restored backup does that, and so does an attack: ask the person who runs the appliance; if it is a backup, give --accept-key-log."},
	"log-key": {"le journal des clés de l'appliance est signé par une autre clé que celle que cette machine connaît : demandez à la personne qui la gère ; si elle l'a changée, donnez --accept-key-log.",
		"the appliance's key log is signed by another key than the one that this machine knows: ask the person who runs it; if they changed it, give --accept-key-log."},
	"log-statement": {"l'appliance dit que cet appareil est dans son journal des clés, et il n'y est pas. Prévenez la personne qui la gère.",
		"the appliance says that this device is in its key log, and it is not. Tell the person who runs it."},
	"log-kept": {"ce que cette machine a gardé du journal des clés est illisible ; donnez --accept-key-log pour repartir de celui de l'appliance.",
		"what this machine has kept of the key log can't be read; give --accept-key-log to begin again with the appliance's."},
	"log-answer": {"la réponse de l'appliance sur son journal des clés n'est pas comprise.", "the appliance's answer about its key log is not understood."},
	"two-factors": {"cette salle n'est ouverte qu'à ceux qui se connectent avec deux facteurs ; ajoutez un second facteur à ce compte.",
		"this room is only for those who sign in with two factors; add a second factor to this account."},
	"role":          {"le profil de cette salle n'admet pas le rôle de ce compte.", "this room's profile does not admit this account's role."},
	"other-version": {"l'appliance et cette commande sont de versions différentes.", "the appliance and this command are of different versions."},
	"not-safe": {"l'appel n'est pas sûr : le serveur a accepté ce que ce participant refuse. Rien n'est plus envoyé. Prévenez la personne qui gère l'appliance.",
		"the call is not safe: the server accepted what this participant refuses. Nothing is sent any more. Tell the person who runs the appliance."},
}
