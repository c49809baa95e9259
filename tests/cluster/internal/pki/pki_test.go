package pki

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"testing"
)

// What the authority issues, it vouches for: a server at its addresses and names, a client as the user and groups; and for neither what
// another issued.
func TestCertificatesAreGoodForWhatTheySay(t *testing.T) {
	authority, err := NewAuthority("ours")
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewAuthority("theirs")
	if err != nil {
		t.Fatal(err)
	}
	address := netip.MustParseAddr("198.18.0.10")
	issue := func(by *Authority, subject Subject) *x509.Certificate {
		pair, err := by.Issue(subject)
		if err != nil {
			t.Fatal(err)
		}
		both, err := tls.X509KeyPair(pair.Certificate, pair.Key)
		if err != nil {
			t.Fatal(err)
		}
		return both.Leaf
	}
	node := issue(authority, Subject{Name: "system:node:n0-0", Groups: []string{"system:nodes"}, Addresses: []netip.Addr{address}, Names: []string{"n0-0"}})
	user := issue(authority, Subject{Name: "admin"})
	stranger := issue(other, Subject{Name: "admin", Names: []string{"n0-0"}})
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority.PEM) {
		t.Fatal("the authority is no certificate")
	}
	verify := func(certificate *x509.Certificate, name string, use x509.ExtKeyUsage) bool {
		_, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{use}})
		return err == nil
	}
	for what, ok := range map[string]bool{
		"a node serves at its address": verify(node, "198.18.0.10", x509.ExtKeyUsageServerAuth),
		"a node serves by its name":    verify(node, "n0-0", x509.ExtKeyUsageServerAuth),
		"a node is a client":           verify(node, "", x509.ExtKeyUsageClientAuth),
		"a user is a client":           verify(user, "", x509.ExtKeyUsageClientAuth),
		"no node is another":           !verify(node, "198.18.0.11", x509.ExtKeyUsageServerAuth),
		"a user serves nothing":        !verify(user, "", x509.ExtKeyUsageServerAuth),
		"strangers are strangers":      !verify(stranger, "n0-0", x509.ExtKeyUsageServerAuth),
		"names are users":              node.Subject.CommonName == "system:node:n0-0" && node.Subject.Organization[0] == "system:nodes",
	} {
		if !ok {
			t.Error(what)
		}
	}
}
