package scim

import (
	"slices"
	"strings"
)

const (
	configSchema   = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	resourceSchema = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	schemaSchema   = "urn:ietf:params:scim:schemas:core:2.0:Schema"
)

// Config says what this provider can do (RFC 7643 §5).
func Config(base string) map[string]any {
	able := func(is bool) map[string]any { return map[string]any{"supported": is} }
	return resource{
		"schemas":        []any{configSchema},
		"patch":          able(true),
		"bulk":           map[string]any{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter":         map[string]any{"supported": true, "maxResults": MaxCount},
		"changePassword": able(false),
		"sort":           able(false),
		"etag":           able(true),
		"authenticationSchemes": []any{map[string]any{"type": "oauthbearertoken", "name": "OAuth Bearer Token", "primary": true,
			"description": "A token that an administrator makes in the console.", "specUri": "https://www.rfc-editor.org/info/rfc6750"}},
		"meta": map[string]any{"resourceType": "ServiceProviderConfig", "location": base + "/ServiceProviderConfig"},
	}
}

var types = []struct {
	name, endpoint string
	schema         *schema
}{{"User", "/Users", userSchema}, {"Group", "/Groups", groupSchema}}

// ResourceTypes lists what there is (RFC 7643 §6).
func ResourceTypes(base string) map[string]any {
	var all []any
	for _, t := range types {
		r, _ := ResourceType(base, t.name)
		all = append(all, r)
	}
	return list(len(all), 1, all)
}

// ResourceType is one of them.
func ResourceType(base, name string) (map[string]any, bool) {
	for _, t := range types {
		if t.name == name {
			return resource{"schemas": []any{resourceSchema}, "id": t.name, "name": t.name, "endpoint": t.endpoint, "description": t.schema.description,
				"schema": t.schema.urn, "schemaExtensions": []any{}, "meta": map[string]any{"resourceType": "ResourceType", "location": base + "/ResourceTypes/" + t.name}}, true
		}
	}
	return nil, false
}

// Schemas lists the schemas (RFC 7643 §7).
func Schemas(base string) map[string]any {
	var all []any
	for _, t := range types {
		all = append(all, t.schema.resource(base))
	}
	return list(len(all), 1, all)
}

// Schema is one of them, by its URN.
func Schema(base, urn string) (map[string]any, bool) {
	for _, t := range types {
		if strings.EqualFold(t.schema.urn, urn) {
			return t.schema.resource(base), true
		}
	}
	return nil, false
}

func (s *schema) resource(base string) resource {
	return resource{"schemas": []any{schemaSchema}, "id": s.urn, "name": s.name, "description": s.description, "attributes": described(s.attributes),
		"meta": map[string]any{"resourceType": "Schema", "location": base + "/Schemas/" + s.urn}}
}

func described(attributes []attribute) []any {
	or := func(s, usual string) string {
		if s == "" {
			return usual
		}
		return s
	}
	anyOf := func(list []string) []any {
		var out []any
		for _, s := range list {
			out = append(out, s)
		}
		return out
	}
	all := make([]any, 0, len(attributes))
	for _, at := range attributes {
		m := map[string]any{"name": at.name, "type": at.kind, "multiValued": at.multi, "description": at.description, "required": at.required,
			"mutability": or(at.mutability, "readWrite"), "returned": or(at.returned, "default")}
		// What has no characters to compare has neither of these (RFC 7643 §2.2).
		if at.kind == "string" || at.kind == "reference" {
			m["caseExact"] = at.caseExact
		}
		if at.kind != "complex" && at.kind != "boolean" {
			m["uniqueness"] = or(at.uniqueness, "none")
		}
		if len(at.canonical) > 0 {
			m["canonicalValues"] = anyOf(at.canonical)
		}
		if len(at.refers) > 0 {
			m["referenceTypes"] = anyOf(at.refers)
		}
		if len(at.sub) > 0 {
			m["subAttributes"] = described(slices.Clone(at.sub))
		}
		all = append(all, m)
	}
	return all
}
