package sizing

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"huisclos/appliance/command"
	"huisclos/appliance/control"
)

// Command is "huisclos bench".
func Command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	asJSON := f.Bool("json", false, "")
	folder := f.String("data", "", "")
	err := f.Parse(args)
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("unexpected %q", f.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(stderr, "huisclos : la ligne de commande n'est pas comprise ; voyez « huisclos bench --help ».\nhuisclos: the command line is not understood; see “huisclos bench --help”.\n  (%v)\n", err)
		return command.NotUnderstood
	}
	if *folder == "" {
		*folder = os.TempDir()
	}
	m, err := Measure(ctx, *folder, rand.Reader, time.Now)
	if err != nil {
		fmt.Fprintf(stderr, "huisclos : la mesure n'a pas abouti.\nhuisclos: the measurement came to nothing.\n  (%v)\n", err)
		return command.Failed
	}
	if *asJSON {
		if json.NewEncoder(stdout).Encode(m) != nil {
			return command.Failed
		}
		return command.Done
	}
	control.Rows(stdout,
		[3]string{"Processeurs", "Processors", fmt.Sprintf("%d (%s)", m.Processors, m.Architecture)},
		[3]string{"Phrase de passe, membre", "Passphrase, member", fmt.Sprintf("%.0f ms", m.MemberHash)},
		[3]string{"Phrase de passe, privilégié", "Passphrase, privileged", fmt.Sprintf("%.0f ms", m.PrivilegedHash)},
		[3]string{"Paquets scellés par seconde", "Packets sealed a second", fmt.Sprintf("%.0f", m.Sealed)},
		[3]string{"Écriture sûre, médiane", "Safe write, median", fmt.Sprintf("%.2f ms", m.SyncMedian)},
		[3]string{"Écriture sûre, pire", "Safe write, worst", fmt.Sprintf("%.2f ms", m.SyncWorst)})
	fmt.Fprint(stdout, "\n  Les paquets : le chiffrement seul, de 1100 octets, par un processeur ; les prises et le réseau n'y sont pas. Pour un appel entier : « huisclos check call ».\n"+
		"  The packets: the cipher alone, of 1100 octets, by one processor; sockets and the network are not in it. For a whole call: “huisclos check call”.\n")
	return command.Done
}
