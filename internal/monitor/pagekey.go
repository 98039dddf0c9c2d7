package monitor

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/google/uuid"
)

// PageKey names a check in links that leave the house, such as those in mails
// and webhooks. It is derived from the UUID and does not give it away: whoever
// knows the UUID can ping the check.
func PageKey(check uuid.UUID) string {
	sum := sha256.Sum256([]byte("page/" + check.String()))
	return hex.EncodeToString(sum[:10])
}
