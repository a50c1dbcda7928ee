// Program updater is root's part of an update: systemd starts it when an update is asked for, and at a start of the machine that finds one
// interrupted. It is the one program of the product that starts others (dpkg, systemctl), shares no process with the service, and has no
// network. What it does, and in which order, is appliance/update/install's; here is how the machine is told.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"huisclos/appliance/config"
	"huisclos/appliance/update"
	"huisclos/appliance/update/install"
)

const (
	// ready is how long a version may take: a large database is migrated, and a slow disk read. steady is how long it must then stay ready.
	ready, steady = 2 * time.Minute, 5 * time.Second
)

func main() {
	settings := flag.String("config", "/etc/huisclos/huisclos.toml", "settings file of the appliance")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, *settings, log); err != nil {
		log.Error("not done", "error", err)
		os.Exit(1) //nolint:gocritic // nothing is open any more
	}
}

func run(ctx context.Context, file string, log *slog.Logger) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("only root installs")
	}
	s, err := config.Load(file)
	if err != nil {
		return err
	}
	u := &install.Updater{Home: update.Home, Data: s.Data, Machine: &debian{home: update.Home, control: s.ControlPath()}, Console: s.Update.Console,
		Keys: func() ([]update.Key, error) { return update.ReadKeys([]int{0}, update.ReleaseKeys, s.Update.Keys) },
		Now:  time.Now, Pause: pause, Log: log, Ready: ready, Steady: steady}
	if !filepath.IsAbs(u.Data) {
		return fmt.Errorf("the data directory %q is no absolute path", u.Data)
	}
	list, err := u.Run(ctx)
	for _, o := range list {
		fr, en := o.Cause.Sentence()
		if o.Cause == "" {
			fr, en = "", ""
		}
		log.Info("outcome", "result", o.Result, "act", o.Act, "from", o.From, "to", o.To, "fr", fr, "en", en, "detail", o.Detail)
	}
	return err
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
