package archtest_test

import "testing"

// requirementsIn says which tests attack what comes in from strangers, and what goes
// out to them: the ping endpoint (A), webhooks and all that users have us call (E),
// mail to the mailbox (F), the HTTP server (G), the address filter (3.2), and the
// honest answers to pings (4.1).
var requirementsIn = map[string]string{
	"A1": "rollcall/internal/account.TestPingKeysAreRandom, rollcall/internal/archtest.TestWhatIsGuessable",
	"A2": "rollcall/internal/app.TestBadPings, rollcall/web.TestPingAnswers",
	"A3": "rollcall/internal/app.TestBadPings, rollcall/web.TestStopTokensDoNothingElse, rollcall/internal/mailbox.TestMailToARotatedAddress",
	"A4": "rollcall/internal/app.TestBadPings, rollcall/web.FuzzPings",
	"A5": "rollcall/internal/app.TestBadPings, rollcall/web.TestPingKeepsWhatWasSent",
	"A6": "rollcall/internal/app.TestBadPings",
	"A7": "rollcall/internal/app.TestBadPings, rollcall/web.TestGuessingIsSlowedDown",
	"A8": "rollcall/internal/app.TestBadPings, rollcall/internal/app.TestScrub, rollcall/internal/alerter.TestBadOutputsInMails",
	"A9": "rollcall/web.TestBadOutputs, rollcall/internal/alerter.TestBadOutputsInMails",

	"E1":  "rollcall/web.TestBadChannels, rollcall/internal/alerter.TestBadTargets",
	"E2":  "rollcall/internal/outbound.TestSecondAnswerOfANameServerIsChecked, rollcall/internal/alerter.TestBadTargets",
	"E3":  "rollcall/internal/outbound.TestProxyOfTheEnvironmentIsIgnored",
	"E4":  "rollcall/internal/outbound.TestRedirectIsNotFollowed, rollcall/internal/alerter.TestBadReceivers",
	"E5":  "rollcall/internal/outbound.TestAnswerIsBounded, rollcall/internal/alerter.TestBadReceivers, rollcall/internal/alerter.TestSlowBodyHoldsNoWorker",
	"E6":  "rollcall/web.TestBadChannels", // nobody can set headers
	"E7":  "rollcall/internal/alerter.TestNamesStayOneMember",
	"E8":  "rollcall/internal/outbound.TestExplain, rollcall/internal/alerter.TestWhatTheReceiverSaysIsKeptWithoutSecrets",
	"E9":  "rollcall/internal/alerter.TestWebhookIsSignedAndTheSameEachTime",
	"E10": "rollcall/web.TestTestButton, rollcall/web.TestAPITestChannel, rollcall/internal/alerter.TestHangingReceiversDelayNobodyElse",
	"E11": "rollcall/internal/alerter.TestNamesCannotWriteHeaders, rollcall/internal/alerter.TestMailOverTLS, rollcall/web.TestBadChannels",

	"F1": "rollcall/internal/mailbox.TestBadMails, rollcall/internal/mailbox.TestStrangersAreTurnedAway",
	"F2": "rollcall/internal/mailbox.TestSlowClients, rollcall/internal/mailbox.TestSlowClientsLeave, rollcall/internal/mailbox.TestTooManySessions, rollcall/internal/mailbox.TestStrangeMailsCount",
	"F3": "rollcall/internal/mailbox.TestBadMails, rollcall/internal/mailbox.TestEverythingBeforeTheGreeting",
	"F4": "rollcall/internal/archtest.TestUses, rollcall/internal/mailbox.TestBadMails", // it cannot open a connection
	"F5": "rollcall/internal/mailbox.TestDatabaseThatIsAway, rollcall/internal/mailbox.TestMistakeOfOursIsLogged",
	"F6": "rollcall/internal/mailbox.TestBadMails, rollcall/internal/mailbox.TestAddresses",
	"F7": "rollcall/internal/mailbox.TestBadMails, rollcall/internal/mailbox.TestWhatIsOffered, rollcall/internal/mailbox.TestSTARTTLS",
	"F8": "rollcall/internal/mailbox.TestStrangeMailsCount, rollcall/internal/mailbox.TestKeywordRules, rollcall/web.TestBadOutputs",

	"G1": "rollcall/internal/app.TestSlowHeadersKeepNobodyOut, rollcall/internal/app.TestPingsAmongSlowHeaders, rollcall/internal/app.TestRequestsThatStall",
	"G2": "rollcall/internal/app.TestBadRequests, rollcall/internal/app.TestBadPings",
	"G3": "rollcall/internal/app.TestBadRequests",
	"G4": "rollcall/internal/app.TestBadRequests, rollcall/web.TestMethods",
	"G5": "rollcall/web.TestHeadersOnEveryAnswer, rollcall/internal/app.TestBadRequests",
	"G6": "rollcall/internal/app.TestOperationsAreNotPublic",
	"G7": "rollcall/web.TestHosts, rollcall/internal/app.TestBadRequests",

	"3.2": "rollcall/internal/outbound.TestFilterAtEveryEdge, rollcall/internal/outbound.TestFilterOfSingleAddresses, rollcall/internal/outbound.TestPorts",
	"4.1": "rollcall/internal/app.TestBadPings, rollcall/internal/app.TestRequestsThatStall, rollcall/internal/app.TestDatabaseAway, rollcall/web.TestPingThatCannotBeStoredIsToComeAgain, rollcall/web.TestPingToADeletedCheckIsGone",
}

func TestWhatComesInIsAttacked(t *testing.T) {
	attacked(t, requirementsIn, "A1-A9", "E1-E11", "F1-F8", "G1-G7", "3.2", "4.1")
}
