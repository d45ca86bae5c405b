// A receiver of Muniment's webhooks: verify, write down, answer; work comes afterwards.
//
//	WEBHOOK_SECRET=whsec_… go run .
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const bodyBytesMax = 1024 * 1024

type receiver struct {
	verifiers []*webhooks.Webhook
	inbox     string
}

// isGenuine tells whether one of the secrets has signed it, within the last five minutes.
func (r *receiver) isGenuine(body []byte, headers http.Header) bool {
	for _, verifier := range r.verifiers {
		if verifier.Verify(body, headers) == nil {
			return true
		}
	}
	return false
}

// take writes the message to a file of its id; false for a repeat. It is on disk when this returns.
//
// Whoever works on it reads there, and leaves the file, as it may come again.
func (r *receiver) take(id string, body []byte) (bool, error) {
	path := filepath.Join(r.inbox, id+".json")
	if _, err := os.Stat(path); err == nil {
		return false, nil
	}
	file, err := os.CreateTemp(r.inbox, "*.part")
	if err != nil {
		return false, err
	}
	_, err = file.Write(body)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return false, err
	}
	return true, os.Rename(file.Name(), path)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	// The signature is of these very bytes: nothing may parse and write them anew before.
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, bodyBytesMax))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	case !r.isGenuine(body, request.Header):
		w.WriteHeader(http.StatusUnauthorized)
	default:
		r.accept(w, request.Header.Get("webhook-id"), body)
	}
}

func (r *receiver) accept(w http.ResponseWriter, id string, body []byte) {
	isNew, err := r.take(id, body)
	if err != nil {
		log.Print(err)
		// It was not written down: Muniment will send it again.
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
	var message struct{ Type string }
	if isNew && json.Unmarshal(body, &message) == nil {
		fmt.Println(message.Type, id)
	}
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func run() error {
	handler := &receiver{inbox: setting("INBOX", "inbox")}
	if err := os.MkdirAll(handler.inbox, 0o700); err != nil {
		return err
	}
	// Several, parted by blanks, while one takes the place of another.
	for _, secret := range strings.Fields(os.Getenv("WEBHOOK_SECRET")) {
		verifier, err := webhooks.NewWebhook(secret)
		if err != nil {
			return fmt.Errorf("WEBHOOK_SECRET: %w", err)
		}
		handler.verifiers = append(handler.verifiers, verifier)
	}
	if len(handler.verifiers) == 0 {
		return errors.New("WEBHOOK_SECRET is not set: `muniment webhooks secret` prints it")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+setting("PORT", "9000"))
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/hook\n", listener.Addr())
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       time.Minute,
	}
	return server.Serve(listener)
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
