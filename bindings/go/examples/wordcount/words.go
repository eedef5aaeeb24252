package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// words is words and how often they occur: what the agents work on. Nothing of agentmq is in here.
type words map[string]int

const longest = 31 // longer words are cut

// count adds the words of a text: letters and the apostrophes between them, in lower case.
func (w words) count(text string) {
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r != '\'' && !isLetter(r) }) {
		word = strings.TrimLeft(word, "'")
		if len(word) > longest {
			word = word[:longest]
		}
		if word = strings.TrimRight(word, "'"); word != "" {
			w[word]++
		}
	}
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' }

// write gives lines "word count", in alphabetical order.
func (w words) write() string {
	var lines []string
	for word, count := range w {
		lines = append(lines, fmt.Sprintf("%s %d\n", word, count))
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}

// read adds what write gave.
func (w words) read(text string) {
	for _, line := range strings.Split(text, "\n") {
		if word, count, found := strings.Cut(line, " "); found {
			number, _ := strconv.Atoi(count)
			w[word] += number
		}
	}
}

func (w words) total() int {
	total := 0
	for _, count := range w {
		total += count
	}
	return total
}

func (w words) equal(other words) bool {
	for word, count := range w {
		if other[word] != count {
			return false
		}
	}
	return len(w) == len(other)
}
