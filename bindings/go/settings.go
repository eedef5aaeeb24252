package agentmq

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"agentmq.dev/go/internal/native"
)

// Settings are settings by name, as docs/settings.md lists them: Settings{"prefetch": "8", "visibility_timeout": "10s"}.
type Settings map[string]string

// Filter says which messages: those that fit all of its fields, channel, source, target, type, state, since and until. A
// nil one is any message. See docs/settings.md for how each is written.
type Filter map[string]string

// withConfig makes a native config of settings for the time of a call. Nil settings are the handle 0, where the native
// call takes that for "none".
func withConfig(settings map[string]string, call func(config uintptr) error) error {
	if settings == nil {
		return errorOf(call(0))
	}
	var texts []byte
	for name, value := range settings {
		if err := checkTexts("the name of a setting", name, "the value of a setting", value); err != nil {
			return err
		}
		texts = append(append(texts, name...), 0)
		texts = append(append(texts, value...), 0)
	}
	var config uintptr
	if err := native.MqsConfigOf(texts, &config); err != nil {
		return errorOf(err)
	}
	defer native.MqConfigFree(config)
	return errorOf(call(config))
}

// settingOf is a setting of a bus as text. What the URL says counts more.
func settingOf(address string, settings Settings, name string) string {
	if parsed, err := url.Parse(address); err == nil {
		if value := parsed.Query().Get(name); value != "" {
			return value
		}
	}
	return settings[name]
}

// numberOf reads a number that the library has checked.
func numberOf(text string, otherwise int) int {
	if number, err := strconv.Atoi(text); err == nil {
		return number
	}
	return otherwise
}

// durationOf reads a duration that the library has checked.
func durationOf(text string, otherwise time.Duration) time.Duration {
	if number, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Duration(number) * time.Millisecond
	}
	if duration, err := time.ParseDuration(text); err == nil {
		return duration
	}
	return otherwise
}

// SettingsTable is the table of settings as JSON: an array of objects with name, kind ("bus", "channel", "subscription",
// "filter"), type, default, min, max and help.
func SettingsTable() (json.RawMessage, error) {
	var text uintptr
	if err := native.MqSettings(&text); err != nil {
		return nil, errorOf(err)
	}
	return json.RawMessage(native.Text(text)), nil
}

// Version is the version of the installed library, like "1.2.3".
func Version() string { return native.MqVersion() }
