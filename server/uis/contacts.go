package uis

import "context"

// Methods of the Data API that write.
const (
	MethodUpdateEmployees = "update.employees"
	MethodCreateContacts  = "create.contacts"
	MethodUpdateContacts  = "update.contacts"
	MethodDeleteContacts  = "delete.contacts"
	MethodCreateTags      = "create.tags"
	MethodSetTag          = "set.tag_communications"
	MethodUnsetTag        = "unset.tag_communications"
)

// Contact is an entry of the platform's address book (Data API, get.contacts).
type Contact struct {
	ID               ContactID  `json:"id"`
	FirstName        string     `json:"first_name"`
	LastName         string     `json:"last_name"`
	Patronymic       string     `json:"patronymic"`
	FullName         string     `json:"full_name"`
	Emails           []string   `json:"emails"`
	PhoneNumbers     []Word     `json:"phone_numbers"`
	ManagerID        EmployeeID `json:"personal_manager_id"`
	ManagerName      string     `json:"personal_manager_full_name"`
	OrganizationID   int64      `json:"organization_id"`
	OrganizationName string     `json:"organization_name"`
	Groups           []GroupRef `json:"groups"`
}

// Contacts lists the address book. (get.contacts)
func (c *Client) Contacts(ctx context.Context, q Query) ([]Contact, Metadata, error) {
	return list[Contact](ctx, c, "get.contacts", q)
}

// ContactFields are the values of a contact to write; a nil field stays as it is. Lists replace the whole list that was there.
type ContactFields struct {
	FirstName      *string     `json:"first_name,omitempty"`
	LastName       *string     `json:"last_name,omitempty"`
	Patronymic     *string     `json:"patronymic,omitempty"`
	Emails         *[]string   `json:"emails,omitempty"`
	PhoneNumbers   *[]string   `json:"phone_numbers,omitempty"`
	Groups         *[]GroupID  `json:"groups,omitempty"`
	ManagerID      *EmployeeID `json:"personal_manager_id,omitempty"`
	OrganizationID *int64      `json:"organization_id,omitempty"`
}

// CreateContact adds a contact and tells its number. The answer lost, look for the contact by its number first. (create.contacts)
func (c *Client) CreateContact(ctx context.Context, fields ContactFields) (ContactID, Metadata, error) {
	var made struct {
		ID ContactID `json:"id"`
	}
	metadata, err := c.Call(ctx, DataAPI, MethodCreateContacts, fields, &made)
	return made.ID, metadata, err
}

// UpdateContact writes the given fields of a contact. (update.contacts)
func (c *Client) UpdateContact(ctx context.Context, id ContactID, fields ContactFields) (Metadata, error) {
	return c.Call(ctx, DataAPI, MethodUpdateContacts, struct {
		ID ContactID `json:"id"`
		ContactFields
	}{id, fields}, nil)
}

// DeleteContact removes a contact; NotFound means it is gone already. (delete.contacts)
func (c *Client) DeleteContact(ctx context.Context, id ContactID) (Metadata, error) {
	return c.Call(ctx, DataAPI, MethodDeleteContacts, map[string]any{"id": id}, nil)
}

// Tag is a tag that calls, chats, requests and goals can carry (Data API, get.tags).
type Tag struct {
	ID     TagID  `json:"id"`
	Name   string `json:"name"`
	System bool   `json:"is_system"`
}

// Tags lists tags. (get.tags)
func (c *Client) Tags(ctx context.Context, q Query) ([]Tag, Metadata, error) {
	return list[Tag](ctx, c, "get.tags", q)
}

// CreateTag adds a tag; Duplicate means there is one of that name. (create.tags)
func (c *Client) CreateTag(ctx context.Context, name string) (TagID, Metadata, error) {
	var made struct {
		ID TagID `json:"id"`
	}
	metadata, err := c.Call(ctx, DataAPI, MethodCreateTags, map[string]any{"name": name}, &made)
	return made.ID, metadata, err
}

// CommunicationType says what a communication id means.
type CommunicationType string

// Communication types that tags know.
const (
	CommunicationCall    CommunicationType = "call"
	CommunicationChat    CommunicationType = "chat"
	CommunicationRequest CommunicationType = "offline_message"
	CommunicationGoal    CommunicationType = "goal"
)

// Tagging puts a tag on a communication or takes it off.
type Tagging struct {
	CommunicationID   CommunicationID   `json:"communication_id"`
	CommunicationType CommunicationType `json:"communication_type"`
	TagID             TagID             `json:"tag_id"`
}

// SetTag puts a tag on a communication. Repeating it is harmless. (set.tag_communications)
func (c *Client) SetTag(ctx context.Context, t Tagging) (Metadata, error) {
	return c.Call(ctx, DataAPI, MethodSetTag, t, nil)
}

// UnsetTag takes a tag off a communication. Repeating it is harmless. (unset.tag_communications)
func (c *Client) UnsetTag(ctx context.Context, t Tagging) (Metadata, error) {
	return c.Call(ctx, DataAPI, MethodUnsetTag, t, nil)
}
