package agentmq

import (
	"encoding/json"

	"agentmq.dev/go/internal/native"
)

// Settings are settings by name, as docs/settings.md lists them: Settings{"prefetch": "8", "visibility_timeout": "10s"}.
type Settings map[string]string

// Filter says which messages: those that fit all of its fields, channel, source, target, type, agent, status, state, since and
// until. A nil one is any message. See docs/settings.md for how each is written.
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
