"""Every fault that the machine has found, as the shortest story that showed it; each name says the hazard.

The seed is the one that found it; the steps are what was left of its story. `make soak SEED=… STEPS=…` tells it.
"""

from __future__ import annotations

import pytest

from tests.machine.soak import read_steps
from tests.machine.story import tell

STORIES = {
    "an edit of an occurrence that its single's deletion outweighs is kept in the history": (
        "46",
        "app_books:522:473:929,syncs:312:30:392,person_deletes:529:735:579,app_edits_occurrence:351:949:198",
    ),
    "a calendar that may be written again gets what was booked meanwhile": (
        "48",
        "access_changes:32:721:611,one_job:650:894:548,app_books:404:390:268",
    ),
    "a copy that somebody deletes is deleted here although the calendar has become read-only": (
        "91",
        "app_books:953:848:616,syncs:980:810:112,person_deletes:26:233:437,access_changes:809:949:196,syncs:315:267:352",
    ),
    "an edit in a copy that was never recorded outlives its withdrawal": (
        "58",
        "app_books:221:783:170,provider_fails:903:176:131,main_switches:943:906:61,one_job:952:895:597,"
        "meanwhile:850:138:855,person_edits:700:330:189,app_reshapes:50:686:445",
    ),
    "an edit of an occurrence outlives the change to a rule that is written singly": (
        "96",
        "app_books:928:641:960,worker_killed:795:608:506,person_edits_occurrence:396:965:107,app_reshapes:204:149:513",
    ),
    "an edit of a single booking outlives its becoming a series that is written singly": (
        "834",
        "app_books:932:642:566,two_workers:126:428:103,app_reshapes:96:615:60,person_edits:199:25:619",
    ),
    "what was reshaped while a calendar was read-only is written later": (
        "321",
        "app_books:41:366:545,worker_killed:427:968:958,worker_killed:608:808:35,access_changes:163:773:412,"
        "syncs:426:975:238,app_reshapes:24:382:898",
    ),
    "an occurrence cancelled before its series moved on a read-only calendar stays cancelled": (
        "1271",
        "app_books:311:889:660,one_job:840:906:472,main_switches:372:628:507,app_cancels_occurrence:229:512:437,"
        "one_job:596:892:534,access_changes:365:723:62,app_edits:931:734:209,job_again:392:774:50",
    ),
    "an appointment that the app makes private loses its text here": (
        "215",
        "person_adds:73:461:136,syncs:444:29:606,app_edits:476:652:891",
    ),
    "what was refused by a read-only calendar is written once it may be": (
        "2135",
        "app_books:13:578:921,meanwhile:431:75:898,app_reshapes:407:17:695,access_changes:839:960:884,"
        "app_cancels_occurrence:695:504:227,job_again:998:763:698",
    ),
    "a single that somebody makes repeat comes to rest": (
        "589",
        "app_books:290:451:148,syncs:181:504:889,person_reshapes:277:977:321",
    ),
    "an all-day series made in Outlook takes another rule": (
        "174",
        "person_adds:503:234:1,syncs:254:35:744,app_reshapes:249:243:851",
    ),
    "a series and its exception are written together in Outlook": (
        "413",
        "person_adds:372:19:517,two_workers:552:186:409,worker_killed:713:962:173,worker_killed:605:978:971,"
        "app_edits_occurrence:154:724:418,app_edits:705:64:999,meanwhile:197:586:490,app_edits:707:271:286",
    ),
    "an occurrence of a private series is not written as a public one": (
        "813",
        "app_books:545:933:353,syncs:523:929:384,person_edits:442:106:781,app_edits_occurrence:595:474:59",
    ),
    "an edit of an occurrence in a copy that was never recorded outlives the series' move": (
        "138",
        "app_books:352:803:870,app_cancels_occurrence:685:847:617,worker_killed:459:85:118,"
        "person_edits_occurrence:61:320:835,app_edits:927:302:43",
    ),
    "two singles edited while the rule becomes one that can be repeated both keep their edits": (
        "1253",
        "app_books:579:479:112,syncs:675:128:0,app_reshapes:931:784:311,person_edits:428:637:431,person_edits:535:210:173",
    ),
    "an exception that Outlook forgets with a new rule comes to rest": (
        "2071",
        "app_books:270:609:475,syncs:220:621:253,app_edits_occurrence:299:114:537,meanwhile:752:933:385,"
        "person_reshapes:102:271:353",
    ),
    "a rule that Outlook refuses is told once, not with every snapshot": (
        "2124",
        "person_adds:88:273:723,person_edits_occurrence:366:563:97,app_books:865:497:100,syncs:111:344:141,"
        "app_deletes:817:15:496,app_reshapes:807:654:244",
    ),
    "an event that was kept, deleted and is there again belongs to the new calendar": (
        "2661",
        "person_adds:477:450:20,meanwhile:900:511:84,disconnects:910:628:778,reconnects:100:281:159,"
        "app_deletes:172:484:247",
    ),
    "an empty page of occurrences does not hide the one that is looked for": (
        "2889",
        "app_books:654:79:762,provider_fails:58:370:618,app_cancels_occurrence:939:882:617,job_again:121:92:198",
    ),
    "a copy that another worker has just recorded is not taken for a foreign event": (
        "2975",
        "provider_fails:164:551:952,main_switches:852:390:694,person_clears:507:252:822,app_books:301:399:24,"
        "syncs:43:245:738,pushes_delivered:0:0:0,pushes_delivered:0:0:0,two_workers:166:533:58",
    ),
    "an occurrence in another zone than its series comes to rest": (
        "917",
        "app_books:476:129:873,app_edits_occurrence:424:54:10,app_edits:830:140:709",
    ),
    "an appointment that the app makes public again has its text again": (
        "466",
        "person_adds:23:984:615,burst:711:949:42,app_edits:654:880:789,one_job:213:58:589,app_edits:942:406:128",
    ),
    "an edit in a booking's private copy is news once the copy is public": (
        "4051",
        "app_books:167:982:373,app_edits:711:892:450,syncs:585:781:537,person_edits:141:534:8,app_edits:704:34:437",
    ),
    "an exception in Outlook does not stay public when its series turns private": (
        "5236",
        "app_books:130:787:526,app_edits_occurrence:12:555:202,main_switches:795:451:547,syncs:520:239:132,"
        "person_edits:891:28:245",
    ),
    "an edit of an occurrence that is not reported yet outlives the switch to another calendar": (
        "5810",
        "app_books:444:207:722,meanwhile:201:739:623,person_edits_occurrence:395:884:400,main_switches:171:541:793",
    ),
    "a booking deleted while its calendar was read-only is deleted there later": (
        "99",
        "app_books:675:58:286,one_job:488:823:129,access_changes:205:595:580,syncs:647:388:955,app_deletes:488:835:110",
    ),
    "an occurrence edited under a rule that is overruled is kept in the history": (
        "17",
        "app_books:585:441:12,syncs:938:678:363,policy_changes:987:467:318,person_reshapes:907:283:373,"
        "person_edits_occurrence:361:640:137",
    ),
    "an exception at Google does not stay public when its series turns private": (
        "3640",
        "person_adds:608:197:38,person_edits_occurrence:614:772:748,person_edits:62:340:468",
    ),
    "an exception that is stricter than its series keeps the series from being shown wider": (
        "1004",
        "app_books:22:567:682,meanwhile:289:343:950,app_edits:270:580:188,person_edits_occurrence:434:292:760",
    ),
    "an edit in a copy that was never recorded outlives the repeated creation": (
        "1859",
        "provider_fails:0:7:0,main_switches:890:267:298,app_books:233:950:85,syncs:0:0:0,person_edits:688:481:756",
    ),
    "a booking deleted while another calendar is still being emptied does not stay there": (
        "846",
        "app_books:361:513:903,syncs:321:249:571,main_switches:673:618:644,provider_fails:481:980:921,"
        "main_switches:658:911:864,main_switches:537:514:738,meanwhile:183:702:484,job_again:497:763:593,"
        "person_deletes:911:836:244",
    ),
    "a booking deleted here while its calendar no longer takes bookings does not stay there": (
        "20374",
        "main_switches:165:720:440,app_books:151:428:84,main_switches:749:292:365,syncs:227:362:363,"
        "main_switches:88:359:795,app_deletes:608:836:315",
    ),
    "an exception made while both sides moved their series is kept in the history": (
        "2870",
        "app_books:992:440:679,syncs:209:512:473,app_edits:862:434:215,person_reshapes:843:594:9,"
        "person_edits_occurrence:275:280:785",
    ),
    "an exception that first shows in the answer to our own write is news when it is reported": (
        "3630",
        "app_books:357:371:946,person_adds:950:58:443,syncs:182:805:388,person_deletes:384:976:475,"
        "app_reshapes:342:778:86,meanwhile:768:537:580,person_edits_occurrence:580:768:537",
    ),
    "an occurrence made private in one calendar is private in the next one": (
        "1532",
        "app_books:420:357:761,syncs:283:161:588,person_edits:83:454:161,main_switches:520:731:352",
    ),
    "a pause that the provider asks for in the middle of many writes is kept": (
        "20267",
        "app_books:96:7:158,person_adds:279:74:782,app_books:482:389:942,provider_fails:556:632:269,"
        "syncs:602:301:610,main_switches:830:810:551,syncs:923:874:805",
    ),
    "what a half written plan overruled is kept in the history": (
        "20459",
        "policy_changes:247:855:904,app_books:1:89:58,meanwhile:935:661:766,"
        "person_edits_occurrence:843:115:255,person_edits:639:517:759",
    ),
    "an occurrence that cannot be brought back to Outlook stays named as a problem": (
        "30185",
        "app_books:453:355:824,syncs:352:688:932,app_edits_occurrence:722:532:821,"
        "person_cancels_occurrence:865:775:407,policy_changes:13:73:576",
    ),
    "a calendar that was given up while it could only be read is emptied once it may be written": (
        "40595",
        "app_books:732:96:357,syncs:599:94:415,access_changes:590:77:538,syncs:727:385:756,main_switches:449:993:764",
    ),
    "what an attempt at a listing saw, and the next attempt does not, is asked for": (
        "60156",
        "person_adds:288:159:398,person_adds:175:435:706,syncs:626:417:525,something_expires:942:825:577,"
        "app_cancels_occurrence:684:865:481,access_changes:260:931:195,worker_killed:175:262:667,"
        "person_deletes:71:22:162",
    ),
    "a worker that stalled over a listing makes no link that another one has dropped": (
        "60746",
        "app_books:130:574:135,syncs:478:426:974,app_deletes:174:44:411,provider_fails:894:607:329,"
        "two_workers:486:131:936,app_edits:936:131:486",
    ),
    "an occurrence that was cancelled stays so when a rule that does not have it is taken back": (
        "70206",
        "app_books:104:191:486,policy_changes:402:81:480,app_books:780:511:969,app_cancels_occurrence:659:700:554,"
        "app_deletes:460:7:319,syncs:247:812:313,person_reshapes:730:190:380",
    ),
    "exceptions go when somebody gives a series in Outlook the very rule that it had": (
        "40658",
        "app_books:6:7:554,syncs:232:956:841,main_switches:369:794:264,app_reshapes:991:447:215,"
        "app_edits_occurrence:826:262:524,syncs:698:830:171,person_reshapes:910:7:239",
    ),
    "what was overruled is kept in the history though nobody knows whether the write arrived": (
        "41106",
        "app_books:120:299:370,person_adds:536:948:802,app_books:180:173:420,job_again:796:852:97,"
        "meanwhile:160:818:561,app_edits_occurrence:561:160:818,provider_fails:272:995:175,"
        "person_deletes:426:206:496,app_edits_occurrence:394:928:636,app_edits:857:770:768,"
        "person_cancels_occurrence:544:329:153,person_edits_occurrence:895:411:277,syncs:289:259:269",
    ),
    "an event that was made private here gets its text back when its owner opens it": (
        "40550",
        "person_adds:197:330:201,syncs:556:321:312,app_edits:485:988:972,two_workers:313:110:639,person_edits:2:652:43",
    ),
    "a series made public here gets its text although only one occurrence of it was reported": (
        "5412",
        "person_adds:149:659:252,app_books:711:110:24,app_deletes:72:425:770,one_job:309:847:875,"
        "person_cancels_occurrence:345:464:102,app_edits:327:814:230",
    ),
    "a pause that the schedule was asked for is kept by the worker": (
        "73063",
        "app_books:354:555:107,syncs:631:881:963,consent_withdrawn:793:915:713,app_edits_occurrence:745:652:49,"
        "job_again:933:34:848,provider_fails:683:504:353,reconnects:169:611:814,time_passes:258:887:596",
    ),
    "an exception that was reported while its series was private is read again once we have opened it": (
        "81774",
        "app_books:107:947:936,syncs:386:500:107,person_edits_occurrence:376:983:78,policy_changes:184:173:628,"
        "person_edits:436:988:112",
    ),
    "an edit that falls between our write and our look at it is merged": (
        "81468",
        "app_books:800:360:501,app_books:760:120:731,person_adds:231:861:998,syncs:401:64:217,app_edits:939:49:131,"
        "app_reshapes:120:912:70,person_adds:682:636:289,person_adds:328:224:495,time_passes:104:443:230,"
        "meanwhile:495:391:201,person_edits:201:495:391",
    ),
    "a reader's view of a private event says nothing of its reminders": (
        "82539",
        "app_books:933:888:422,syncs:268:213:607,person_edits:59:412:429,main_switches:387:508:55,"
        "worker_killed:343:815:958,access_changes:938:273:429,job_again:660:187:166",
    ),
    "the schedule asks no provider that has asked a worker for a pause": (
        "80578",
        "consent_withdrawn:507:798:913,time_passes:113:187:206,provider_fails:237:924:835,syncs:945:565:28,"
        "reconnects:487:305:491,two_workers:521:990:450",
    ),
    "an edit in a copy that may only be read does not keep it from being withdrawn later": (
        "2925",
        "app_books:932:434:195,syncs:695:617:417,main_switches:445:153:392,job_again:298:870:317,"
        "main_switches:270:369:794,access_changes:253:519:187,syncs:307:994:130,person_edits:310:517:663,"
        "meanwhile:996:289:318",
    ),
    "an occurrence cancelled before its series was split stays so when the series is put together again": (
        "3630",
        "app_books:357:371:946,person_adds:950:58:443,app_books:728:924:503,person_adds:500:835:128,"
        "syncs:182:805:388,app_reshapes:342:778:86,person_cancels_occurrence:262:789:396,"
        "app_edits_occurrence:776:11:374,person_splits:137:831:662,app_edits:501:931:201",
    ),
    "a worker that stalled over a page brings nothing back that another one has deleted": (
        "3173o",
        "person_adds:221:24:938,app_books:195:298:907,person_adds:984:834:88,main_switches:445:919:90,"
        "syncs:702:391:248,app_books:459:504:137,app_deletes:998:784:634,something_expires:582:835:631,"
        "meanwhile:260:822:299,person_reshapes:827:861:408,main_switches:72:524:379,two_workers:245:386:674",
    ),
    "an occurrence that cannot be brought back stays named when something else is written": (
        "1163o",
        "app_books:927:927:230,policy_changes:57:303:817,syncs:444:12:124,person_cancels_occurrence:736:370:677,"
        "syncs:915:320:610,person_edits:640:653:735",
    ),
    "a worker that stalled over a page does not take it for news once another one has gone on": (
        "17605",
        "app_books:658:186:626,person_adds:120:398:628,app_books:517:882:310,person_adds:683:687:900,"
        "syncs:315:468:282,app_books:951:156:692,app_edits:664:950:140,person_edits:425:901:290,"
        "two_workers:505:465:390,main_switches:904:726:851,two_workers:203:690:558",
    ),
    "what the provider shows anyway is not written by a later look": (
        "5632",
        "app_books:716:346:851,person_adds:63:777:583,app_books:915:403:737,one_job:58:635:974,app_edits:299:16:368,"
        "provider_fails:153:319:849,one_job:894:69:372,two_workers:563:183:789,person_edits:789:183:563",
    ),
    "an occurrence of other times that comes on an earlier page than its series is not passed over": (
        "13560",
        "person_adds:109:365:676,worker_killed:694:780:11,person_reshapes:380:617:90,provider_fails:184:643:128,"
        "person_edits_occurrence:97:143:630,syncs:758:211:439",
    ),
    "whoever is invited in Outlook does not take the place of a booking's guests": (
        "867",
        "app_books:350:508:413,app_invites:0:1:0,syncs:0:0:0,person_invites:0:1:1",
    ),
    "guests of the app's are not invited by a changed occurrence": (
        "3995o",
        "person_adds:396:655:979,syncs:771:861:921,app_invites:675:295:788,provider_fails:701:808:971,"
        "syncs:473:863:890,disconnects:719:8:160,app_edits_occurrence:138:28:85",
    ),
    "an edit in a withdrawn copy is recorded although the worker that deletes the copy is killed": (
        "9665o",
        "app_books:829:928:547,syncs:696:77:719,person_edits:268:552:796,worker_killed:548:276:707,"
        "main_switches:311:587:678,worker_killed:593:593:96",
    ),
    "an occurrence edited in a withdrawn copy is recorded although the worker that deletes the copy stalls": (
        "11118",
        "app_books:873:179:87,syncs:813:122:666,app_edits_occurrence:913:559:365,main_switches:354:347:95,"
        "reconnects:9:657:880,person_invites:45:881:451,two_workers:134:122:364",
    ),
    "an occurrence that Google keeps private, whatever is written, is called so here": (
        "11756",
        "person_adds:229:459:538,syncs:742:22:250,app_edits_occurrence:259:185:221,syncs:906:452:973,"
        "app_edits:255:976:761",
    ),
    "a copy taken out of Google's bin goes again while the booking has a new one": (
        "16215",
        "app_books:64:507:35,syncs:567:146:198,main_switches:341:445:290,syncs:708:388:673,main_switches:454:741:383,"
        "time_runs_out:607:495:172,person_restores:305:859:450",
    ),
    "an old copy is no copy of the booking that has been to another calendar and back": (
        "18758",
        "app_books:824:317:433,meanwhile:461:492:986,main_switches:307:307:18,syncs:957:954:467,"
        "main_switches:994:550:728,two_workers:488:934:91,person_restores:120:153:341",
    ),
    "two workers find the same permission withdrawn": (
        "71634",
        "app_books:472:375:566,person_adds:96:614:702,app_books:232:630:680,person_adds:235:373:378,syncs:877:936:634,"
        "something_expires:731:874:65,something_expires:365:122:374,consent_withdrawn:512:301:708,"
        "provider_fails:380:764:642,something_expires:349:366:485,app_edits:509:887:924,two_workers:485:398:369",
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_what_the_machine_found_once(name: str) -> None:
    seed, steps = STORIES[name]
    story, wrong = tell(seed, read_steps(steps))
    if wrong is not None:
        wrong.add_note("\n".join(story.told))
        raise wrong
