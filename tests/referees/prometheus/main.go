// The verdict of Prometheus on pages of metrics: its own scrape manager scrapes each page from a server in this process,
// as a Prometheus without special settings does, and stores the samples in a TSDB.
//
// stdin: a JSON list of pages, bodies in base64.
// stdout: a JSON list of verdicts.
package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
)

type page struct {
	ContentType *string `json:"content_type"` // nil: no such header
	Encoding    string  `json:"encoding"`
	Fallback    string  `json:"fallback"` // fallback_scrape_protocol of the job
	Body        []byte  `json:"body"`
}

type verdict struct {
	Taken bool   `json:"taken"`
	Error string `json:"error,omitempty"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(pages []page) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var i int
		fmt.Sscanf(r.URL.Path, "/%d", &i)
		w.Header()["Content-Type"] = nil
		if pages[i].ContentType != nil {
			w.Header()["Content-Type"] = []string{*pages[i].ContentType}
		}
		if pages[i].Encoding != "" {
			w.Header().Set("Content-Encoding", pages[i].Encoding)
		}
		w.Write(pages[i].Body)
	}))
}

// One job for each fallback_scrape_protocol that occurs.
func configuration(pages []page) (*config.Config, map[string]bool) {
	jobs := map[string]bool{}
	text := "scrape_configs:\n"
	for _, p := range pages {
		if !jobs["job"+p.Fallback] {
			jobs["job"+p.Fallback] = true
			text += fmt.Sprintf("- job_name: 'job%s'\n  scrape_interval: 1s\n  scrape_timeout: 1s\n", p.Fallback)
			if p.Fallback != "" {
				text += "  fallback_scrape_protocol: " + p.Fallback + "\n"
			}
		}
	}
	c, err := config.Load(text, slog.New(slog.DiscardHandler))
	check(err)
	return c, jobs
}

func main() {
	var pages []page
	check(json.NewDecoder(os.Stdin).Decode(&pages))
	server := serve(pages)
	folder, err := os.MkdirTemp("", "referee")
	check(err)
	defer os.RemoveAll(folder)
	db, err := tsdb.Open(folder, slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	check(err)
	manager, err := scrape.NewManager(&scrape.Options{DiscoveryReloadInterval: model.Duration(100 * time.Millisecond)},
		nil, nil, nil, db, prometheus.NewRegistry())
	check(err)
	c, jobs := configuration(pages)
	check(manager.ApplyConfig(c))

	sets := map[string][]*targetgroup.Group{}
	for job := range jobs {
		sets[job] = []*targetgroup.Group{{Source: job}}
	}
	for i, p := range pages {
		group := sets["job"+p.Fallback][0]
		group.Targets = append(group.Targets, model.LabelSet{
			model.AddressLabel:     model.LabelValue(strings.TrimPrefix(server.URL, "http://")),
			model.MetricsPathLabel: model.LabelValue(fmt.Sprintf("/%d", i)),
			"page":                 model.LabelValue(fmt.Sprint(i)),
		})
	}
	updates := make(chan map[string][]*targetgroup.Group, 1)
	updates <- sets
	go manager.Run(updates)
	verdicts := wait(manager, len(pages))
	manager.Stop()
	check(json.NewEncoder(os.Stdout).Encode(verdicts))
}

// Waits until each page has been scraped once.
func wait(manager *scrape.Manager, n int) []verdict {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		verdicts := make([]verdict, n)
		done := 0
		for _, targets := range manager.TargetsActive() {
			for _, t := range targets {
				var i int
				if t.Health() == scrape.HealthUnknown {
					continue
				}
				fmt.Sscanf(t.URL().Path, "/%d", &i)
				verdicts[i].Taken = t.Health() == scrape.HealthGood
				if t.LastError() != nil {
					verdicts[i].Error = t.LastError().Error()
				}
				done++
			}
		}
		if done == n {
			return verdicts
		}
	}
	check(fmt.Errorf("not all pages were scraped within a minute"))
	return nil
}
