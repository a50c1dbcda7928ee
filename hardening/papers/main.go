// Program papers writes the generated tables of hardening/docs: the matrices of the security target from target.json, the known
// faults of others from known-faults.json, the list of audit actions from the source and the privilege matrix from its test. It decides nothing about the product and ships nowhere.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

type text struct {
	EN string `json:"en"`
	FR string `json:"fr"`
}

func (t text) in(lang string) string {
	if lang == "fr" {
		return t.FR
	}
	return t.EN
}

type function struct {
	ID, Status string
	text
	Tests []string
}

type threat struct {
	ID string
	text
	Functions []string
	Residual  *text
}

type target struct {
	Functions []function
	Threats   []threat
}

func load(root string) (target, error) {
	var t target
	b, err := os.ReadFile(filepath.Join(root, "hardening/docs/target.json"))
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(b, &t)
}

// A fault is one that others published in products and libraries like ours, with the tests that show that it is not here. Where it
// cannot be here, Without says why, and names what must not exist for that to be true.
type fault struct {
	IDs []string `json:"ids"`
	text
	Tests   []string
	Without *struct {
		Path string
		text
	}
}

func loadFaults(root string) (faults []fault, err error) {
	b, err := os.ReadFile(filepath.Join(root, "hardening/docs/known-faults.json"))
	if err != nil {
		return nil, err
	}
	return faults, json.Unmarshal(b, &faults)
}

func faultTable(faults []fault, lang string) string {
	var b strings.Builder
	b.WriteString(text{"| Published as | What happened there | Held here by |", "| Publiée sous | Ce qui s’est produit là-bas | Tenu ici par |"}.in(lang) + "\n|---|---|---|\n")
	for _, x := range faults {
		held := "`" + strings.Join(x.Tests, "`<br>`") + "`"
		if x.Without != nil {
			held = x.Without.in(lang)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(x.IDs, "<br>"), x.in(lang), held)
	}
	return b.String()
}

var action = regexp.MustCompile(`(?m)^\t\w+\s+Action = "([^"]+)"[ \t]*(?://[ \t]*(.*))?$`)

// right is a line of the privilege matrix: method, route, and the status that each of eight people gets.
var right = regexp.MustCompile(`(?m)^\t\{"([A-Z]+)", "([^"]+)", is\{([0-9, ]+)\},`)

// privileges is the matrix as a table. What is not refused for lack of a right is a status in bold.
func privileges(source, lang string) (string, error) {
	var b strings.Builder
	b.WriteString(text{
		"| Route | nobody | guest | member | organiser | owner | auditor | officer | administrator |",
		"| Route | personne | invité | membre | organisateur | propriétaire | auditeur | officier | administrateur |",
	}.in(lang) + "\n|---|---|---|---|---|---|---|---|---|\n")
	lines := right.FindAllStringSubmatch(source, -1)
	if len(lines) < 40 {
		return "", fmt.Errorf("the privilege matrix has %d lines: has its form changed?", len(lines))
	}
	for _, m := range lines {
		fmt.Fprintf(&b, "| `%s %s` |", m[1], m[2])
		list := strings.Split(m[3], ", ")
		if len(list) != 8 {
			return "", fmt.Errorf("%s %s: %d people", m[1], m[2], len(list))
		}
		for i, status := range list {
			// What an id names that is somebody else's is not there; for its owner it is.
			foreign := status == "404" && slices.Contains(list, "204") && i != 0
			if status != "401" && status != "403" && !foreign {
				status = "**" + status + "**"
			}
			b.WriteString(" " + status + " |")
		}
		b.WriteString("\n")
	}
	return b.String(), nil
}

// tables are all generated tables in one language, by name.
func tables(root, lang string) (map[string]string, error) {
	t, err := load(root)
	if err != nil {
		return nil, err
	}
	faults, err := loadFaults(root)
	if err != nil {
		return nil, err
	}
	events, err := os.ReadFile(filepath.Join(root, "audit/events.go"))
	if err != nil {
		return nil, err
	}
	matrix, err := os.ReadFile(filepath.Join(root, "appliance/web/matrix_test.go"))
	if err != nil {
		return nil, err
	}
	rights, err := privileges(string(matrix), lang)
	if err != nil {
		return nil, err
	}
	head := func(en, fr string) string { return text{en, fr}.in(lang) }
	status := map[string]string{"built": head("built", "réalisée"), "planned": head("planned", "prévue")}
	var f, c, r, a strings.Builder
	f.WriteString(head("| Function | What | State | Tests |", "| Fonction | Objet | État | Tests |") + "\n|---|---|---|---|\n")
	for _, x := range t.Functions {
		names := "–"
		if len(x.Tests) > 0 {
			names = "`" + strings.Join(x.Tests, "`<br>`") + "`"
		}
		fmt.Fprintf(&f, "| %s | %s | %s | %s |\n", x.ID, x.in(lang), status[x.Status], names)
	}
	c.WriteString(head("| Threat | What | Functions |", "| Menace | Objet | Fonctions |") + "\n|---|---|---|\n")
	r.WriteString(head("| Threat | What remains |", "| Menace | Ce qui demeure |") + "\n|---|---|\n")
	for _, x := range t.Threats {
		names := strings.Join(x.Functions, ", ")
		if names == "" {
			names = "–"
		}
		fmt.Fprintf(&c, "| %s | %s | %s |\n", x.ID, x.in(lang), names)
		if x.Residual != nil {
			fmt.Fprintf(&r, "| %s | %s |\n", x.ID, x.Residual.in(lang))
		}
	}
	a.WriteString(head("| Action | Note in the source |", "| Action | Note du code source (en anglais) |") + "\n|---|---|\n")
	for _, m := range action.FindAllStringSubmatch(string(events), -1) {
		fmt.Fprintf(&a, "| `%s` | %s |\n", m[1], strings.ReplaceAll(m[2], "|", "\\|"))
	}
	return map[string]string{"functions": f.String(), "threats": c.String(), "residual": r.String(), "actions": a.String(), "faults": faultTable(faults, lang), "privileges": rights}, nil
}

var block = regexp.MustCompile(`(?s)<!-- table: (\w+) -->\n.*?<!-- end -->`)

func fill(page string, tables map[string]string) string {
	return block.ReplaceAllStringFunc(page, func(s string) string {
		name := block.FindStringSubmatch(s)[1]
		return "<!-- table: " + name + " -->\n" + tables[name] + "<!-- end -->"
	})
}

func language(file string) string {
	if strings.HasSuffix(file, ".fr.md") {
		return "fr"
	}
	return "en"
}

func main() {
	files, err := filepath.Glob("hardening/docs/*.md")
	for _, file := range files {
		if err != nil {
			break
		}
		var page []byte
		var all map[string]string
		if page, err = os.ReadFile(file); err != nil {
			break
		}
		if all, err = tables(".", language(file)); err == nil {
			err = os.WriteFile(file, []byte(fill(string(page), all)), 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "papers:", err)
		os.Exit(1)
	}
}
