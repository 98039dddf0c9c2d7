package web

// What stands in paths. A UUID is the lower-case form with dashes and no other.
const (
	uuidPattern = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
	aUUID       = "{id:" + uuidPattern + "}"
	aCheck      = "{check:" + uuidPattern + "}"
	aUniqueKey  = "{unique:[0-9a-f]{40}}"
	aSign       = "[0-9A-Za-z_-]{8}(?:-2)?"
	aFormat     = "{format:svg|json|shields}"
)

// apiRoutes is the table of the management API. Those of Healthchecks come first.
func apiRoutes() []apiRoute {
	return []apiRoute{
		{"GET", "checks/", keyRead, (*Server).apiListChecks, moved},
		{"POST", "checks/", keyWrite, (*Server).apiCreateCheck, moved},
		{"GET", "checks/" + aCheck, keyRead, (*Server).apiGetCheck, 0},
		{"POST", "checks/" + aCheck, keyWrite, (*Server).apiUpdateCheck, 0},
		{"DELETE", "checks/" + aCheck, keyWrite, (*Server).apiDeleteCheck, 0},
		{"GET", "checks/" + aUniqueKey, keyRead, (*Server).apiGetCheck, 0},
		{"POST", "checks/" + aCheck + "/pause", keyWrite, (*Server).apiPause, noMembers},
		{"POST", "checks/" + aCheck + "/resume", keyWrite, (*Server).apiResume, noMembers},
		{"GET", "checks/" + aCheck + "/pings/", keyWrite, (*Server).apiPings, moved},
		{"GET", "checks/" + aCheck + "/pings/{n:[0-9]+}/body", keyWrite, (*Server).apiPingBody, 0},
		{"GET", "checks/" + aCheck + "/flips/", keyRead, (*Server).apiFlips, moved},
		{"GET", "checks/" + aUniqueKey + "/flips/", keyRead, (*Server).apiFlips, moved},
		{"GET", "channels/", keyWrite, (*Server).apiListChannels, moved},
		{"GET", "badges/", keyRead, (*Server).apiBadges, moved},
		{"GET", "metrics/", keyNone, (*Server).apiSiteMetrics, 0},
		{"GET", "status/", keyNone, (*Server).apiStatus, 0},
		{"POST", "notifications/" + aUUID + "/status", keyNone, (*Server).apiNotificationStatus, anyBody},
		{"POST", "bounces/", keyNone, (*Server).apiBounce, anyBody},

		{"GET", "/api/openapi.json", keyNone, (*Server).apiDocument, 0},
		{"GET", "/badge/{key:[0-9a-z]{16}}/{sign:" + aSign + "}." + aFormat, keyNone, (*Server).projectBadge, 0},
		{"GET", "/badge/{key:[0-9a-z]{16}}/{sign:" + aSign + "}/{tag:.+}." + aFormat, keyNone, (*Server).projectBadge, 0},
		{"GET", "/b/{states:[23]}/{badge:" + uuidPattern + "}." + aFormat, keyNone, (*Server).checkBadge, 0},
		{"GET", "/projects/{project}/metrics/", keyNone, (*Server).projectMetrics, 0},
		{"GET", "/projects/{project}/metrics/{key}", keyNone, (*Server).projectMetrics, 0},
		{"GET", "/projects/{project}/checks/metrics/{key}", keyNone, (*Server).projectMetrics, 0},

		{"POST", "channels/", keyWrite, (*Server).apiCreateChannel, moved},
		{"GET", "channels/" + aUUID, keyWrite, (*Server).apiChannel, 0},
		{"POST", "channels/" + aUUID, keyWrite, (*Server).apiUpdateChannel, 0},
		{"DELETE", "channels/" + aUUID, keyWrite, (*Server).apiDeleteChannel, 0},
		{"POST", "channels/" + aUUID + "/test", keyWrite, (*Server).apiTestChannel, 0},
		{"GET", "checks/" + aCheck + "/runs/", keyRead, (*Server).apiRuns, 0},
		{"GET", "checks/" + aUniqueKey + "/runs/", keyRead, (*Server).apiRuns, 0},
		{"GET", "checks/" + aCheck + "/why", keyRead, (*Server).apiWhy, 0},
		{"GET", "checks/" + aUniqueKey + "/why", keyRead, (*Server).apiWhy, 0},
		{"GET", "latency/", keyRead, (*Server).apiLatency, 0},
		{"GET", "deliveries/", keyWrite, (*Server).apiDeliveries, 0},
		{"GET", "deliveries/{id:[0-9]+}", keyWrite, (*Server).apiDelivery, 0},
		{"POST", "deliveries/replay", keyWrite, (*Server).apiReplayDead, 0},
		{"POST", "deliveries/{id:[0-9]+}/replay", keyWrite, (*Server).apiReplay, 0},
		{"GET", "events/", keyRead, (*Server).apiEvents, 0},
		{"GET", "blind/", keyRead, (*Server).apiBlind, 0},
		{"GET", "summary/", keyRead, (*Server).apiSummary, 0},
		{"GET", "projects/", keyRead, (*Server).apiProjects, 0},
		{"POST", "projects/{id:[0-9]+}", keyWrite, (*Server).apiRenameProject, 0},
		{"GET", "members/", keyWrite, (*Server).apiMembers, 0},
		{"POST", "members/", keyWrite, (*Server).apiPutMember, 0},
		{"POST", "members/{email}", keyWrite, (*Server).apiPutMember, 0},
		{"DELETE", "members/{email}", keyWrite, (*Server).apiRemoveMember, 0},

		{"GET", "heartbeat/", keyRead, (*Server).apiHeartbeat, 0},
		{"POST", "heartbeat/", keyWrite, (*Server).apiPutHeartbeat, 0},
		{"DELETE", "heartbeat/", keyWrite, (*Server).apiDropHeartbeat, 0},

		{"POST", "apply/", keyWrite, (*Server).apiApply, anyBody},
		{"GET", "export/", keyRead, (*Server).apiExport, 0},
	}
}
