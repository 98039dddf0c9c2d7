package archtest_test

import "testing"

// requirementsWeb says which tests attack what people and their programs use: log-in,
// session and account (B), roles, tenants, keys and the audit log (C), pages (D), logs
// and one's own data (H3s, H4s), and the honest answers of pages and API (4.1).
var requirementsWeb = map[string]string{
	"B1":  "rollcall/web.TestBadPageRequests, rollcall/web.TestPasswords, rollcall/internal/account.TestValidPassword",
	"B2":  "rollcall/web.TestBruteForce, rollcall/web.TestGuessingDoesNotLockTheOwnerOut, rollcall/web.TestBadPageRequests",
	"B3":  "rollcall/web.TestBruteForceFromOneNetwork, rollcall/web.TestBadPageRequests",
	"B4":  "rollcall/web.TestMailedLinksDoNotTellWhoHasAnAccount, rollcall/web.TestUnknownAccountsTakeAsLong, rollcall/web.TestInvitingTellsNothing, rollcall/web.TestBadPageRequests",
	"B5":  "rollcall/web.TestNoFixation, rollcall/web.TestADumpHoldsNothingToLogInWith, rollcall/web.TestSessionsEnd, rollcall/web.TestARequestUnderWayKeepsNoSessionAlive",
	"B6":  "rollcall/web.TestCookie",
	"B7":  "rollcall/web.TestEveryRouteAnswersHonestly, rollcall/web.TestOtherSitesCannotPost, rollcall/web.TestLookingChangesNothing",
	"B8":  "rollcall/web.TestLinksAreGoodOnce, rollcall/web.TestLinksLeadHome, rollcall/web.TestMailedLinksEndInTime",
	"B9":  "rollcall/web.TestACodeLetsOneIn, rollcall/web.TestCodesCannotBeGuessed, rollcall/web.TestPasskeysAreChecked, rollcall/web.TestSensitiveChangesAskAgain, rollcall/web.TestFactorsAskAgain",
	"B10": "rollcall/web.TestBadPageRequests, rollcall/web.TestInvitationsEnd, rollcall/internal/account.TestNamesInMailsHoldNoLinks",
	"B11": "rollcall/web.TestWhereALogInLeads, rollcall/web.TestEveryWayInLeadsHome, rollcall/web.TestBadPageRequests",

	"C1": "rollcall/web.TestForeignThingsAreNotThere, rollcall/web.TestEveryRouteAsksForItsRole, rollcall/web.TestTheRoleIsThatOfTheProjectOfTheCheck, rollcall/web.TestBadAPIRequests",
	"C2": "rollcall/web.TestAPIKeys, rollcall/web.TestKeys, rollcall/web.TestAPIWrongKeysAreSlow", // their form is that of Healthchecks, without check digits
	"C3": "rollcall/web.TestBadAPIRequests, rollcall/web.TestAPIKeys",
	"C4": "rollcall/web.TestBadAPIRequests", // unknown members change nothing, and are not refused
	"C5": "rollcall/web.TestEveryChangeIsRecorded, rollcall/web.TestEveryAPIChangeIsRecorded, rollcall/internal/store/sqlite.TestStore, rollcall/internal/store/postgres.TestStore",
	"C6": "rollcall/web.TestRemovalCountsAtOnce, rollcall/web.TestBadPageRequests", // keys are the project's, not a member's

	"D1": "rollcall/web.TestBadPageRequests, rollcall/web.TestHostileTextStaysText, rollcall/web.TestHostileTextOnAccountPages",
	"D2": "rollcall/web.TestHeadersOnEveryAnswer, rollcall/web.TestEveryRouteAnswersHonestly, rollcall/web.TestPagesHaveNothingInline",
	"D3": "rollcall/web.TestHeadersOnEveryAnswer, rollcall/web.TestHTTPSIsAnnounced, rollcall/web.TestEveryRouteAnswersHonestly",
	"D4": "rollcall/internal/monitor.TestNames, rollcall/web.TestBadPageRequests, rollcall/web.TestBadAPIRequests",
	"D5": "rollcall/web.TestAPIBadges, rollcall/web.TestBadgesOfPeople",
	"D6": "rollcall/web.TestCellsAreInert, rollcall/web.TestBadPageRequests",
	"D7": "rollcall/web.TestNothingOnAStatusPageLeadsFurther",

	"H3s": "rollcall/web.TestARecordOfTheLogIsOneLine, rollcall/web.TestSecretsInLogsAreFound", // every site of the tests searches its log
	"H4s": "rollcall/web.TestCopyOfAnAccount, rollcall/web.TestACopyIsWrittenAsItIsRead, rollcall/web.TestAccountIsDeleted",

	"4.1": "rollcall/web.TestEveryRouteAnswersHonestly, rollcall/web.TestBadAPIRequests, rollcall/web.TestBadPageRequests, rollcall/web.TestAPITransport",
}

func TestWhatPeopleUseIsAttacked(t *testing.T) {
	attacked(t, requirementsWeb, "B1-B11", "C1-C6", "D1-D7", "H3s", "H4s", "4.1")
}
