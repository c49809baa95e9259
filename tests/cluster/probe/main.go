// Probe is the one program of the test image, and of the image whose process holds pods' namespaces: it waits, burns CPU, answers and
// asks. It is static, so an image needs nothing beside it.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const usage = `probe pause            waits; reaps orphans, as the first process of a pod must
probe burn             uses one CPU
probe serve PORT       answers every request with the pod's name
probe metrics PORT     tells the time as jostle's agent does, and something else
probe get URL          asks, and prints the answer
probe resolve NAME     prints the addresses of a name
probe say TEXT         prints a text, and waits`

func main() {
	if len(os.Args) < 2 {
		fail(usage)
	}
	switch args := os.Args[1:]; {
	case args[0] == "pause":
		pause()
	case args[0] == "burn":
		fmt.Println("burning")
		for {
		}
	case args[0] == "serve" && len(args) == 2:
		name, err := os.Hostname()
		check(err)
		check(http.ListenAndServe(":"+args[1], http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { fmt.Fprintln(out, name) })))
	case args[0] == "metrics" && len(args) == 2:
		check(http.ListenAndServe(":"+args[1], http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(out, "# TYPE jostle_agent_read_time_seconds gauge\njostle_agent_read_time_seconds %.3f\nother 7\n", float64(time.Now().UnixMilli())/1000)
		})))
	case args[0] == "get" && len(args) == 2:
		client := http.Client{Timeout: 5 * time.Second}
		answer, err := client.Get(args[1])
		check(err)
		_, err = io.Copy(os.Stdout, answer.Body)
		check(err)
	case args[0] == "resolve" && len(args) == 2:
		addresses, err := net.LookupHost(args[1])
		check(err)
		fmt.Println(addresses)
	case args[0] == "say" && len(args) == 2:
		fmt.Println(args[1])
		pause()
	default:
		fail(usage)
	}
}

func pause() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != nil || pid <= 0 {
				break
			}
		}
	}
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(what any) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(1)
}
