package web

import (
	"net/http"
	"net/url"

	"rollcall/internal/account"
	"rollcall/internal/fault"
)

// heartbeatDoc says where this installation sends its heartbeat for the project. The
// rest of the address is a secret of the other side.
type heartbeatDoc struct {
	Host string `json:"host"`
}

func heartbeatOf(address string) (heartbeatDoc, error) {
	u, err := url.Parse(address)
	if err != nil {
		return heartbeatDoc{}, err
	}
	return heartbeatDoc{u.Host}, nil
}

func (s *Server) apiHeartbeat(c *apiCall) error {
	address, err := s.Store.Heartbeat(c.ctx(), c.project.ID)
	if err != nil {
		return err
	}
	doc, err := heartbeatOf(address)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, doc)
}

var errOpenPairing = fault.Say(fault.Forbidden, "anybody can make an account here, so keys do not pair; the operator sets --heartbeat-url instead")

// apiPutHeartbeat lets this installation send its heartbeat to an address. Where
// anybody can have a key, anybody could have it call any address for ever.
func (s *Server) apiPutHeartbeat(c *apiCall) error {
	if s.SignupOpen {
		return errOpenPairing
	}
	said, _, err := c.body.text("url", 0)
	if err != nil {
		return err
	}
	u, err := account.ValidHeartbeat(said)
	if err != nil {
		return invalidMember("url", err.(fault.Invalid)["url"])
	}
	if err := s.Store.PutHeartbeat(c.ctx(), c.project.ID, u.String(), s.Now()); err != nil {
		return err
	}
	return c.json(http.StatusOK, heartbeatDoc{u.Host})
}

// apiDropHeartbeat ends it and answers with what it was.
func (s *Server) apiDropHeartbeat(c *apiCall) error {
	address, err := s.Store.Heartbeat(c.ctx(), c.project.ID)
	if err != nil {
		return err
	}
	doc, err := heartbeatOf(address)
	if err != nil {
		return err
	}
	if err := s.Store.DropHeartbeat(c.ctx(), c.project.ID); err != nil {
		return err
	}
	return c.json(http.StatusOK, doc)
}
