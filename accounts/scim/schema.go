package scim

import "strings"

// Schema URNs (RFC 7643 §8.7, RFC 7644 §8.2).
const (
	UserSchema  = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group"
	patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	listSchema  = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
)

// attribute is one of a schema, with its characteristics (RFC 7643 §7).
type attribute struct {
	name, kind  string // kind: string, boolean, dateTime, reference, complex
	description string
	multi       bool
	required    bool
	caseExact   bool
	mutability  string // "": readWrite
	returned    string // "": default
	uniqueness  string // "": none
	canonical   []string
	refers      []string // of references
	sub         []attribute
}

const (
	readOnly  = "readOnly"
	immutable = "immutable"
	always    = "always"
)

// schema is a resource type's.
type schema struct {
	urn, name, description string
	attributes             []attribute
}

// common are the attributes of every resource (RFC 7643 §3.1); no schema lists them.
var common = []attribute{
	{name: "schemas", kind: "reference", multi: true, caseExact: true, mutability: readOnly, returned: always},
	{name: "id", kind: "string", caseExact: true, mutability: readOnly, returned: always, uniqueness: "server"},
	{name: "externalId", kind: "string", caseExact: true},
	{name: "meta", kind: "complex", mutability: readOnly, sub: []attribute{
		{name: "resourceType", kind: "string", caseExact: true, mutability: readOnly},
		{name: "created", kind: "dateTime", mutability: readOnly},
		{name: "lastModified", kind: "dateTime", mutability: readOnly},
		{name: "location", kind: "reference", caseExact: true, mutability: readOnly},
		{name: "version", kind: "string", caseExact: true, mutability: readOnly},
	}},
}

var userSchema = &schema{UserSchema, "User", "An account that an identity system provides.", []attribute{
	{name: "userName", kind: "string", required: true, uniqueness: "server", description: "Unique name of the person at the identity system. Without emails it is the e-mail address."},
	{name: "name", kind: "complex", description: "The parts of the name.", sub: []attribute{
		{name: "formatted", kind: "string", description: "The full name. It is what the account is called where displayName is missing."},
		{name: "familyName", kind: "string", description: "The family name."},
		{name: "givenName", kind: "string", description: "The given name."},
	}},
	{name: "displayName", kind: "string", description: "What the account is called in calls and lists."},
	{name: "active", kind: "boolean", description: "Whether the person may sign in. false ends sessions and calls at once."},
	{name: "emails", kind: "complex", multi: true, description: "One address is kept: the primary one, else that of type work, else the first. It signs in, and is unique on the appliance.", sub: []attribute{
		{name: "value", kind: "string", description: "The address."},
		{name: "type", kind: "string", canonical: []string{"work", "home", "other"}, description: "What the address is for."},
		{name: "primary", kind: "boolean", description: "Whether it is the one that is kept."},
	}},
	{name: "groups", kind: "complex", multi: true, mutability: readOnly, description: "Provided groups that the person is a member of.", sub: []attribute{
		{name: "value", kind: "string", caseExact: true, mutability: readOnly, description: "The id of the group."},
		{name: "$ref", kind: "reference", caseExact: true, mutability: readOnly, refers: []string{"Group"}, description: "The address of the group."},
		{name: "display", kind: "string", mutability: readOnly, description: "The name of the group."},
		{name: "type", kind: "string", mutability: readOnly, canonical: []string{"direct"}, description: "Always direct: groups hold no groups."},
	}},
	{name: "roles", kind: "complex", multi: true, description: "One role is kept: the primary one, else the first. member comes into rooms, organiser opens them.", sub: []attribute{
		{name: "value", kind: "string", canonical: []string{"member", "organiser"}, description: "The role."},
		{name: "primary", kind: "boolean", description: "Whether it is the one that is kept."},
	}},
}}

var groupSchema = &schema{GroupSchema, "Group", "A group that an identity system provides.", []attribute{
	{name: "displayName", kind: "string", required: true, uniqueness: "server", description: "The name of the group."},
	{name: "members", kind: "complex", multi: true, description: "Provided accounts that are in the group.", sub: []attribute{
		{name: "value", kind: "string", caseExact: true, mutability: immutable, description: "The id of the account."},
		{name: "$ref", kind: "reference", caseExact: true, mutability: immutable, refers: []string{"User"}, description: "The address of the account."},
		{name: "type", kind: "string", mutability: immutable, canonical: []string{"User"}, description: "Always User: groups hold no groups."},
		{name: "display", kind: "string", mutability: readOnly, description: "The name of the account."},
	}},
}}

// find returns an attribute by name, whatever its case (RFC 7643 §2.1). nil: there is none.
func find(list []attribute, name string) *attribute {
	for i := range list {
		if strings.EqualFold(list[i].name, name) {
			return &list[i]
		}
	}
	return nil
}

// resolve finds what a path names. Both are nil where this appliance has no such attribute.
func (s *schema) resolve(p path) (at, sub *attribute) {
	if p.urn != "" && !strings.EqualFold(p.urn, s.urn) {
		return nil, nil
	}
	if at = find(s.attributes, p.name); at == nil {
		at = find(common, p.name)
	}
	if at == nil || p.sub == "" {
		return at, nil
	}
	if sub = find(at.sub, p.sub); sub == nil {
		return nil, nil
	}
	return at, sub
}
