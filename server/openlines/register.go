package openlines

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// icon is the connector's picture in the contact centre: two speech bubbles, one answering the other.
const icon = "data:image/svg+xml;charset=US-ASCII,%3Csvg%20xmlns%3D%22http%3A//www.w3.org/2000/svg%22%20viewBox%3D%220%200%2024%2024%22%3E" +
	"%3Cpath%20fill%3D%22%23fff%22%20d%3D%22M4%203h11a2%202%200%200%201%202%202v6a2%202%200%200%201-2%202H8l-4%203.5V13a2%202%200%200%201-2-2V5a2%202%200%200%201%202-2z%22/%3E" +
	"%3Cpath%20fill%3D%22%23fff%22%20opacity%3D%22.75%22%20d%3D%22M19%208h1a2%202%200%200%201%202%202v6a2%202%200%200%201-2%202v3.5L16%2018h-5a2%202%200%200%201-2-2v-1h6.500a3.500%203.500%200%200%200%203.500-3.500z%22/%3E%3C/svg%3E"

// registration are the parameters of imconnector.register (docs: imconnector-register; a repeat updates). A group chat would switch the portal's own creation of leads
// and deals off (field: CHAT_GROUP, set explicitly); editing and deleting of the operator's messages are one flag at the portal, so they are equal here.
func registration(name, settingsURL string) map[string]any {
	look := func(color string) map[string]any {
		return map[string]any{"DATA_IMAGE": icon, "COLOR": color, "SIZE": "70%", "POSITION": "center"}
	}
	return map[string]any{"ID": Code, "NAME": name, "ICON": look("#2fc6f6"), "ICON_DISABLED": look("#a8adb4"), "PLACEMENT_HANDLER": settingsURL,
		"CHAT_GROUP": false, "NEED_SIGNATURE": false, "NEED_SYSTEM_MESSAGES": true, "EDIT_INTERNAL_MESSAGES": true, "DEL_INTERNAL_MESSAGES": true,
		"DEL_EXTERNAL_MESSAGES": true, "NEWSLETTER": true}
}

// digest is a name for what is registered: another one means that it has to be registered again.
func digest(params map[string]any) string {
	raw, err := json.Marshal(params) // keys in order
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}
