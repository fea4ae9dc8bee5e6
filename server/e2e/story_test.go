package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/sandbox/portal"
	"omni/server/sandbox/uisplatform"
)

// The texts of the story, in the order in which both sides must see them.
const (
	question = "Здравствуйте! Есть ли доставка?"
	answer   = "Добрый день! Есть, завтра."
	caption  = "Прайс-лист"
	thanks   = "Спасибо, вот адрес"
	first    = "Добрый день, вы оставляли заявку"
)

// story is one conversation from the first message to "write first", step by step. Each step can be repeated after a crash as a person or a
// page would repeat it, and ends when its outcome was asked for, not when it is there.
type story struct {
	n       *tenant
	client  uisplatform.Client
	other   string // the phone that is written first
	ids     [3]string
	content []byte
	chat    int64
	lead    int64 // the lead without chats
	started chat
}

func newStory(n *tenant) *story {
	content := bytes.Repeat([]byte("Прайс-лист, строка\n"), 20_000)
	return &story{n: n, client: uisplatform.Client{Phone: "79000000050", Name: "Ольга"}, other: "79000000077", ids: [3]string{newID(), newID(), newID()}, content: content}
}

type step struct {
	name string
	do   func()
}

func (s *story) steps() []step {
	return []step{
		{"the client writes", s.write}, {"the operator sees the chat", s.see}, {"the lead and its comment appear", s.inCRM},
		{"the operator answers", s.reply}, {"the operator sends a file", s.sendFile}, {"the client sees both", s.seenByClient},
		{"the client's phone reports", s.marks}, {"the client sends a file", s.clientFile}, {"the card's tab shows the chat", s.card},
		{"somebody is written first", s.writeFirst}, {"the first message arrives", s.firstArrives},
	}
}

func (s *story) write() {
	_, err := s.n.uis.ClientWrites(whatsapp, s.client, question)
	require.NoError(s.n.t, err)
}

func (s *story) see() {
	eventually(s.n.t, "the chat is among the new ones", func() bool {
		for _, c := range s.n.chats("list=new") {
			if c.Last != nil && c.Last.Text == question {
				s.chat = c.ID
			}
		}
		return s.chat != 0
	})
}

// leads are the leads of the story's client.
func (s *story) leads(phone string) []portal.Item {
	var found []portal.Item
	for _, item := range s.n.portal.Items(portal.Lead) {
		for _, p := range item.Phones {
			if portal.NormalizePhone(p) == portal.NormalizePhone("+"+phone) {
				found = append(found, item)
			}
		}
	}
	return found
}

func (s *story) inCRM() {
	eventually(s.n.t, "the lead's timeline shows the message", func() bool {
		leads := s.leads(s.client.Phone)
		if len(leads) == 0 {
			return false
		}
		for _, c := range s.n.portal.Comments(portal.Lead, leads[0].ID) {
			if strings.Contains(c.Text, question) {
				return true
			}
		}
		return false
	})
}

func (s *story) reply() { s.n.say(s.chat, s.ids[0], answer, 0) }

func (s *story) sendFile() {
	s.n.say(s.chat, s.ids[1], caption, s.n.upload("price.txt", bytes.NewReader(s.content)))
}

// upload puts a file; cut off, it is put once more, which leaves a file nobody refers to.
func (n *tenant) upload(name string, content io.ReadSeeker) int64 {
	n.t.Helper()
	var out struct{ File int64 }
	eventually(n.t, "the file is taken", func() bool {
		_, err := content.Seek(0, io.SeekStart)
		require.NoError(n.t, err)
		code, body := n.post(name, content)
		if code == 0 || code == http.StatusServiceUnavailable {
			return false
		}
		require.Equal(n.t, http.StatusOK, code, "%s", body)
		out = decode[struct{ File int64 }](n.t, body)
		return true
	})
	return out.File
}

// post streams a form with one file.
func (n *tenant) post(name string, content io.Reader) (int, []byte) {
	return n.postAs(n.operator, name, content)
}

func (n *tenant) postAs(session, name string, content io.Reader) (int, []byte) {
	reader, writer := io.Pipe()
	form := multipart.NewWriter(writer)
	go func() {
		part, err := form.CreateFormFile("file", name)
		if err == nil {
			_, err = io.Copy(part, content)
		}
		if err == nil {
			err = form.Close()
		}
		_ = writer.CloseWithError(err)
	}()
	req, err := http.NewRequest(http.MethodPost, "http://"+n.w.gate.address+"/api/v1/files", reader)
	require.NoError(n.t, err)
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Authorization", "Bearer "+session)
	resp, err := browser.Do(req)
	_ = reader.Close()
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil
	}
	return resp.StatusCode, body
}

// atUIS are the messages of people in the story's chat, as the client's phone shows them.
func (s *story) atUIS() []uisplatform.Message { return s.n.phone(s.client.Phone) }

func (n *tenant) phone(number string) []uisplatform.Message {
	var all []uisplatform.Message
	for _, c := range n.uis.Chats() {
		if c.Client.Phone == number {
			for _, m := range n.uis.MessagesOf(c.ID) {
				if m.Source != "system" {
					all = append(all, m)
				}
			}
		}
	}
	return all
}

func (s *story) seenByClient() {
	eventually(s.n.t, "the client sees the text and the file", func() bool {
		list := s.atUIS()
		return len(list) >= 3 && list[len(list)-1].Text == caption
	})
}

func (s *story) marks() {
	var operators []int64
	for _, m := range s.atUIS() {
		if m.Source == "operator" {
			operators = append(operators, m.ID)
		}
	}
	require.Len(s.n.t, operators, 2)
	require.NoError(s.n.t, s.n.uis.MarkDelivered(operators...))
	require.NoError(s.n.t, s.n.uis.MarkRead(operators[0]))
}

func (s *story) clientFile() {
	_, err := s.n.uis.ClientSendsFile(whatsapp, s.client, uisplatform.File{Name: "address.txt", Body: bytes.NewReader(s.content)}, thanks)
	require.NoError(s.n.t, err)
}

func (s *story) card() {
	leads := s.leads(s.client.Phone)
	require.Len(s.n.t, leads, 1)
	page := s.n.open(2, "CRM_LEAD_DETAIL_TAB", map[string]any{"ID": fmt.Sprint(leads[0].ID)})
	require.Equal(s.n.t, "workplace", page.Page)
	require.EqualValues(s.n.t, leads[0].ID, page.Context["entity_id"])
	eventually(s.n.t, "the lead's tab shows the chat", func() bool {
		list := s.n.chats(fmt.Sprintf("entity_type=lead&entity_id=%d", leads[0].ID))
		return len(list) == 1 && list[0].ID == s.chat
	})
}

// writeFirst starts a chat from a lead that has none (W4).
func (s *story) writeFirst() {
	id, err := s.n.portal.AddItem(portal.Lead, map[string]any{"title": "Заявка", "name": "Тимур",
		"fm": []any{map[string]any{"typeId": "PHONE", "valueType": "MOBILE", "value": "+7 900 000-00-77"}}}, 2)
	require.NoError(s.n.t, err)
	s.lead = int64(id)
	require.Empty(s.n.t, s.n.chats(fmt.Sprintf("entity_type=lead&entity_id=%d", id)))
	s.started = decode[chat](s.n.t, s.n.mustAs(s.n.operator, "POST", "/chats", map[string]any{"id": s.ids[2], "channel": whatsapp, "phone": s.other, "text": first}))
}

func (s *story) firstArrives() {
	eventually(s.n.t, "the first message is on the other phone", func() bool { return len(s.n.phone(s.other)) > 0 })
}

// verify asserts that everything is there exactly once and in order.
func (s *story) verify() {
	t := s.n.t
	t.Helper()
	sum := sha256.Sum256(s.content)
	hash := hex.EncodeToString(sum[:])

	var texts []string
	for _, m := range s.atUIS() {
		texts = append(texts, m.Text)
		if m.Text == caption || m.Text == thanks {
			require.NotNil(t, m.File)
			require.Equal(t, hash, m.File.SHA256)
		}
	}
	require.Equal(t, []string{question, answer, caption, thanks}, texts, "the client's phone")
	require.Len(t, s.n.phone(s.other), 1, "the other phone")
	require.Equal(t, first, s.n.phone(s.other)[0].Text)
	require.Len(t, s.n.uis.Chats(), 2)

	texts = nil
	statuses := map[string]string{}
	for _, m := range s.n.messages(s.chat) {
		if m.Side == "system" {
			continue
		}
		texts = append(texts, m.Text)
		statuses[m.Text] = m.Status
		if m.Text == thanks {
			require.NotNil(t, m.File)
			require.Equal(t, "ready", m.File.State)
			resp, err := browser.Get(*m.File.URL)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			require.NoError(t, err)
			require.Equal(t, s.content, body)
		}
	}
	require.Equal(t, []string{question, answer, caption, thanks}, texts, "the operator's page")
	require.Equal(t, "read", statuses[answer])
	require.Equal(t, "delivered", statuses[caption])

	leads := s.leads(s.client.Phone)
	require.Len(t, leads, 1, "one lead for one client")
	comments := s.n.portal.Comments(portal.Lead, leads[0].ID)
	require.Len(t, comments, 1, "one part of the comment")
	at := -1
	for _, text := range []string{question, answer, caption, thanks} {
		require.Equal(t, 1, strings.Count(comments[0].Text, text), "%q in %s", text, comments[0].Text)
		require.Greater(t, strings.Index(comments[0].Text, text), at, "order in %s", comments[0].Text)
		at = strings.Index(comments[0].Text, text)
	}
	require.Len(t, s.leads(s.other), 1, "nothing new is made for a client who has a lead")
	list := s.n.chats(fmt.Sprintf("entity_type=lead&entity_id=%d", s.lead))
	require.Len(t, list, 1)
	require.Equal(t, s.started.ID, list[0].ID)
}

// TestStory is the whole conversation through the API.
func TestStory(t *testing.T) {
	t.Parallel()
	w, n := one(t, 1)
	s := newStory(n)
	for _, step := range s.steps() {
		t.Log(step.name)
		step.do()
	}
	w.rest()
	s.verify()
	require.EqualValues(t, 0, w.pending()["refused"])
	w.clean()
}
