package web

// signal upgrades to the WebSocket of a room.
func (s *Server) signal(v *visit) error {
	return refusal{codeUpgrade}
}
