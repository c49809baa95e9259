package smoke

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// licences that go with Apache-2.0, by words that each of them holds.
var licences = map[string]string{
	"Apache-2.0":   "Apache License Version 2.0",
	"MIT":          "Permission is hereby granted, free of charge, to any person obtaining a copy",
	"ISC":          "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee",
	"ISC or alike": "Permission to use, copy, modify, and distribute this software for any purpose with or without fee",
	"BSD":          "Redistribution and use in source and binary forms, with or without modification, are permitted",
}

// Every module that is linked has a licence, and it is one of these: what `deny.toml` is for crates.
func TestLicences(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}", "..", "../probe")
	list.Stderr = os.Stderr
	text, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	blanks := regexp.MustCompile(`[\s*#/>]+`)
	seen := map[string]int{}
	modules := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if path, dir, found := strings.Cut(strings.TrimSpace(line), " "); found {
			modules[path] = dir
		}
	}
	for path, dir := range modules {
		files, err := filepath.Glob(filepath.Join(dir, "[LlCc][IiOo][CcPp][EeYy]*"))
		if err != nil {
			t.Fatal(err)
		}
		kinds := 0
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				continue
			}
			plain := blanks.ReplaceAllString(strings.ReplaceAll(string(text), ",", ", "), " ")
			for kind, words := range licences {
				if strings.Contains(plain, blanks.ReplaceAllString(words, " ")) {
					seen[kind]++
					kinds++
				}
			}
		}
		if kinds == 0 {
			t.Errorf("%s: no licence that is known, in %v", path, files)
		}
	}
	t.Logf("%d modules: %v", len(modules), seen)
	if len(modules) < 100 {
		t.Errorf("only %d modules are linked", len(modules))
	}
}
