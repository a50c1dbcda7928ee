package accounts

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// Killed while people are created, sign in and are signed out, and while officers are proposed and agreed to: what was
// acknowledged holds, a session that was ended stays ended, a proposal is open or carried out and never both or neither, and the
// audit log verifies from each head that was ever acknowledged.
//
//	HUISCLOS_CRASH_ROUNDS=1000 go test ./accounts -run TestKill -timeout 60m
const (
	crashRounds = "HUISCLOS_CRASH_ROUNDS"
	crashChild  = "HUISCLOS_CRASH_CHILD_ACCOUNTS" // path of the database; set in the child only
)

func TestMain(m *testing.M) {
	for name, acts := range map[string]func(path string) error{crashChild: crashActs, mixedChild: mixedActs} {
		if path := os.Getenv(name); path != "" {
			fmt.Fprintln(os.Stderr, acts(path))
			os.Exit(3)
		}
	}
	os.Exit(m.Run())
}

func crashActs(path string) error {
	db, err := store.Open(path, store.Options{})
	if err != nil {
		return err
	}
	if err := db.Migrate(migrations); err != nil {
		return err
	}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Refusal: cheap})
	if err != nil {
		return err
	}
	log := audit.New(db)
	a, err := New(db, log, hasher, rand.Reader, Options{MemberHash: cheap, AdministratorHash: cheap})
	if err != nil {
		return err
	}
	asks, agrees, err := crashOffice(a)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		n, err := a.Count()
		if err != nil {
			return err
		}
		email := fmt.Sprintf("u%d-%d@example.org", n, i)
		account, link, err := a.Create(Operator(), "Person "+strconv.Itoa(n), email, Member, noon)
		if err != nil {
			return err
		}
		fmt.Println("created", account.ID)
		_, first, err := a.Activate(context.Background(), link.Token.Reveal(), memberPhrase, desk, noon)
		if err != nil {
			return err
		}
		fmt.Println("session", first.Reveal())
		in, err := a.Login(context.Background(), email, Proof{Passphrase: memberPhrase}, desk, noon)
		if err != nil {
			return err
		}
		second := in.Session
		fmt.Println("session", second.Reveal())
		if err := a.Logout(first.Reveal(), desk, noon); err != nil {
			return err
		}
		fmt.Println("ended", first.Reveal())
		var p Proposed
		if _, _, err := a.Create(asks, "Officer", "o-"+email, Officer, noon); !errors.As(err, &p) {
			return fmt.Errorf("propose: %w", err)
		}
		fmt.Println("proposed", p.Proposal.ID, "o-"+email)
		done, err := a.Approve(agrees, p.Proposal.ID, noon)
		if err != nil {
			return err
		}
		fmt.Println("created", done.Account.ID)
		fmt.Println("approved", p.Proposal.ID)
		head, err := log.Head()
		if err != nil {
			return err
		}
		fmt.Println("head", head.Sequence, head.Hash)
	}
}

// crashOffice returns an administrator who proposes and an officer who agrees; they are made where there are none.
func crashOffice(a *Accounts) (asks, agrees Actor, err error) {
	for role, actor := range map[Role]*Actor{Administrator: &asks, Officer: &agrees} {
		email := "the-" + string(role) + "@example.org"
		list, _, err := a.List(email, "", 1)
		if err != nil {
			return asks, agrees, err
		}
		if len(list) == 0 {
			account, _, err := a.Create(Operator(), "The One", email, role, noon)
			if err != nil {
				return asks, agrees, err
			}
			fmt.Println("created", account.ID)
			list = []Account{account}
		}
		if list[0].State != Active {
			link, err := a.NewActivation(Operator(), list[0].ID, noon)
			if err != nil {
				return asks, agrees, err
			}
			if _, _, err := a.Activate(context.Background(), link.Token.Reveal(), adminPhrase, desk, noon); err != nil {
				return asks, agrees, err
			}
		}
		if !list[0].SecondFactor {
			if err := crashFactor(a, list[0].ID); err != nil {
				return asks, agrees, err
			}
		}
		*actor = Actor{Account: list[0].ID, Proved: noon}
	}
	// What the last kill left open would fill the list in time.
	left, err := a.Proposals(asks, noon)
	for _, p := range left {
		err = errors.Join(err, a.Reject(agrees, p.ID, noon))
	}
	return asks, agrees, err
}

// crashFactor sets up the second factor without which these roles may do nothing.
func crashFactor(a *Accounts, id ID) error {
	e, err := a.BeginTOTP(context.Background(), id, Proof{Passphrase: adminPhrase}, desk, noon)
	if err != nil {
		return err
	}
	seed, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(e.Secret.Reveal(), " ", ""))
	if err != nil {
		return err
	}
	code, err := codeAt(seed, stepAt(noon))
	if err != nil {
		return err
	}
	_, err = a.ConfirmTOTP(id, code, desk, noon)
	return err
}

// killRounds is how often a child is killed: ten times, unless it is asked for otherwise.
func killRounds(t *testing.T) int {
	t.Helper()
	rounds := 10
	if s := os.Getenv(crashRounds); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("%s=%q", crashRounds, s)
		}
		rounds = n
	}
	if testing.Short() {
		rounds = min(rounds, 3)
	}
	return rounds
}

func TestKill(t *testing.T) {
	rounds := killRounds(t)
	path := filepath.Join(t.TempDir(), "db")
	created, ended, running := map[string]bool{}, map[string]bool{}, map[string]bool{}
	var heads []audit.Head
	proposals, agreed := map[string]string{}, 0 // id → address, of those whose end was not acknowledged
	for round := range rounds {
		// A session whose end was not acknowledged may be either: the last lines of the round decide.
		var doubt string
		for _, line := range crashRun(t, crashChild, path) {
			what, rest, _ := strings.Cut(line, " ")
			switch what {
			case "created":
				created[rest] = true
			case "session":
				running[rest] = true
			case "ended":
				delete(running, rest)
				ended[rest] = true
			case "proposed":
				id, email, _ := strings.Cut(rest, " ")
				proposals[id] = email
			case "approved":
				delete(proposals, rest)
				agreed++
			case "head":
				number, hash, _ := strings.Cut(rest, " ")
				n, err := strconv.ParseUint(number, 10, 64)
				h, err2 := audit.ParseHash(hash)
				if err != nil || err2 != nil {
					t.Fatalf("the child said %q", line)
				}
				heads = append(heads, audit.Head{Sequence: n, Hash: h})
			default:
				t.Fatalf("the child said %q", line)
			}
		}
		w := openWorld(t, path)
		if err := w.db.Check(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if _, err := w.log.Verify(t.Context(), heads...); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for text := range created {
			id, err := ParseID(text)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Get(id); err != nil {
				t.Fatalf("round %d: account %s: %v", round, text, err)
			}
		}
		for token := range ended {
			if _, _, err := w.Session(token, noon); !errors.Is(err, ErrNoSession) {
				t.Fatalf("round %d: an ended session counts again (%v)", round, err)
			}
		}
		openNow, err := w.Proposals(Operator(), noon)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range openNow {
			if list, _, err := w.List(p.Change.Email, "", 1); err != nil || len(list) != 0 {
				t.Fatalf("round %d: proposal %s is open and carried out (%v)", round, p.ID, err)
			}
			delete(proposals, p.ID.String())
		}
		for id, email := range proposals {
			if list, _, err := w.List(email, "", 1); err != nil || len(list) != 1 {
				t.Fatalf("round %d: proposal %s is neither open nor carried out (%v)", round, id, err)
			}
		}
		clear(proposals)
		lost := 0
		for token := range running {
			if _, _, err := w.Session(token, noon); err != nil {
				lost++
				doubt = token
			}
		}
		if lost > 1 {
			t.Fatalf("round %d: %d sessions are lost", round, lost)
		}
		delete(running, doubt)
		if n, err := w.Count(); err != nil || n < len(created) || n > len(created)+round+1 {
			t.Fatalf("round %d: %d accounts, %d acknowledged, %v", round, n, len(created), err)
		}
		if err := w.db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(ended) == 0 || len(heads) == 0 || agreed == 0 {
		t.Error("nothing was done: the test says nothing")
	}
	t.Logf("%d rounds, %d accounts, %d sessions ended, %d proposals agreed to, %d heads", rounds, len(created), len(ended), agreed, len(heads))
}

// crashRun starts the child of that name, kills it and returns the whole lines that it wrote.
func crashRun(t *testing.T, name, path string) (lines []string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), name+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	// Half are killed at a time after their start, half at a time after their first line, however slow the machine is.
	after, early := time.Duration(100+mathrand.IntN(200))*time.Millisecond, mathrand.IntN(2) == 0
	limit := 30 * time.Second
	if early {
		limit = after
	}
	timer := time.AfterFunc(limit, func() { child.Process.Kill() })
	defer timer.Stop()
	reader := bufio.NewReader(out)
	for {
		line, err := reader.ReadString('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) == 0 && !early {
			timer.Reset(after)
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	if err := child.Wait(); child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child ended by itself: %v", err)
	}
	return lines
}
