package bitrix24

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// specsLines are the connector and the open lines behind it.
var specsLines = slices.Concat(
	each(Spec{Scope: "imopenlines", App: true, Mode: CheckRead}, "imconnector.list", "imconnector.status"),
	each(Spec{Scope: "imopenlines", App: true, Mode: CheckSet}, "imconnector.register", "imconnector.unregister", "imconnector.activate", "imconnector.connector.data.set",
		"imconnector.set.error", "imconnector.chat.name.set", "imconnector.update.messages", "imconnector.delete.messages", "imconnector.send.status.delivery",
		"imconnector.send.status.reading"),
	// The call alone cannot be looked up: its dialog's number is in the answer that was lost. Who knows the dialog asks DialogHistory and JudgeTail; who does not
	// sends again, because in a line a loss is worse than a double.
	[]Spec{{Method: "imconnector.send.messages", Scope: "imopenlines", App: true, Mode: CheckSet, Join: &joinLines}},
	each(Spec{Scope: "imopenlines", Mode: CheckRead}, "imopenlines.config.get", "imopenlines.config.list.get", "imopenlines.config.path.get", "imopenlines.dialog.get",
		"imopenlines.session.history.get", "imopenlines.crm.chat.get", "imopenlines.crm.chat.getLastId"),
	each(Spec{Scope: "imopenlines", Mode: CheckSet}, "imopenlines.config.update", "imopenlines.config.delete", "imopenlines.session.open", "imopenlines.operator.answer",
		"imopenlines.operator.skip", "imopenlines.operator.finish", "imopenlines.operator.another.finish", "imopenlines.operator.transfer"),
)

// DialogHistory reads the messages of a dialog (imopenlines.session.history.get); chat is session.CHAT_ID of an earlier imconnector.send.messages.
func DialogHistory(chat int64) Call {
	return Call{Method: "imopenlines.session.history.get", Params: Params{"CHAT_ID": chat}}
}

// JudgeTail tells by DialogHistory's answer whether messages of the client that were sent without a clear answer are in the dialog. before are the texts of the client's
// messages that are known to have arrived before, oldest first, as many as are known (nil: nothing is known; empty: the dialog is new); sent are the unclear ones. Texts
// and order count, so that a repeated "ok" is told from the one before it; where they cannot be told apart the judgement is Undecided. It works because the messages of a
// dialog are sent one request at a time.
func JudgeTail(before, sent []string, answer json.RawMessage) Finding {
	texts, ok := clientTexts(valueOf(answer))
	if !ok || before == nil || len(sent) == 0 {
		return Undecided
	}
	arrived := endsWith(texts, slices.Concat(before, sent), len(sent)) && (len(before) > 0 || len(texts) == len(sent))
	missing := endsWith(texts, before, 0)
	switch {
	case arrived && !missing:
		return Found
	case missing && !arrived:
		return Absent
	}
	return Undecided
}

// endsWith tells whether the tail of texts is the tail of wanted. The history may be shorter than what is known (it shows one session), but at least least of its texts must be there.
func endsWith(texts, wanted []string, least int) bool {
	n := min(len(texts), len(wanted))
	if n < least || n == 0 && len(wanted) > 0 {
		return false
	}
	for i := range n {
		if sameText(texts[len(texts)-1-i]) != sameText(wanted[len(wanted)-1-i]) {
			return false
		}
	}
	return len(wanted) > 0 || len(texts) == 0
}

func sameText(text string) string {
	return strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "[br]", "\n", "[BR]", "\n").Replace(text))
}

// clientTexts are the texts of the client in the order of their ids. The client is the user the portal marks as a connector's.
func clientTexts(history value) ([]string, bool) {
	users, hasUsers := history.at("users").each()
	messages, hasMessages := history.at("message").each()
	if !hasUsers || !hasMessages {
		return nil, false
	}
	client := map[int64]bool{}
	for _, u := range users {
		if u.at("connector").text() == "1" || u.at("connector").text() == "true" || u.at("connector").text() == "Y" {
			client[u.at("id").id()] = true
		}
	}
	if len(client) == 0 && len(messages) > 0 {
		return nil, false
	}
	type line struct {
		id   int64
		text string
	}
	var lines []line
	for _, m := range messages {
		if sender := m.at("senderId"); client[sender.id()] {
			lines = append(lines, line{m.at("id").id(), m.at("text").text()})
		}
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.id, b.id) })
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.text
	}
	return texts, true
}

// LineMessage is one element of RESULT in the answer of imconnector.send.messages, update.messages and delete.messages.
type LineMessage struct {
	// OK is false for a refused message, although the call as a whole succeeded.
	OK Bool `json:"SUCCESS"`
	// Errors tell why.
	Errors List[String] `json:"ERRORS"`
	// User is the client's number at the portal.
	User ID `json:"user"`
	// Session may be empty although the message arrived.
	Session LineSession `json:"session"`
}

// LineSession is where a message arrived: the session of the open line and the messenger's chat.
type LineSession struct{ ID, ChatID ID }

// UnmarshalJSON reads {"ID":"323","CHAT_ID":"1767"}; an empty one comes as [].
func (s *LineSession) UnmarshalJSON(raw []byte) error {
	v := valueOf(raw)
	*s = LineSession{ID(v.at("ID").id()), ID(v.at("CHAT_ID").id())}
	return nil
}

// DecodeLineMessages reads the answer of imconnector.send.messages and its siblings, one element per message. These answer HTTP 200 also for refused messages: look at OK.
func DecodeLineMessages(result json.RawMessage) ([]LineMessage, error) {
	var answer struct {
		Data struct {
			Result List[LineMessage] `json:"RESULT"`
		} `json:"DATA"`
	}
	if err := json.Unmarshal(result, &answer); err != nil {
		return nil, err
	}
	return answer.Data.Result, nil
}

// DecodeRegister reads the answer of imconnector.register and unregister, which report a refusal inside a successful answer. Nil: done.
func DecodeRegister(method string, result json.RawMessage) error {
	var answer struct {
		Result      Bool   `json:"result"`
		Code        String `json:"error"`
		Description String `json:"error_description"`
	}
	if err := json.Unmarshal(result, &answer); err != nil {
		return &Error{HTTP: 502, Method: method, Code: codeUnexpected, Description: "the answer is not understood"}
	}
	if answer.Result {
		return nil
	}
	return &Error{HTTP: 400, Method: method, Code: string(answer.Code), Description: string(answer.Description)}
}
