"""The application identifiers of the GS1 General Specifications, as facts to read and not to copy about.

A row names identifiers (``3100-3105`` is all of them); whether their length is fixed by the identifier
alone (no separator follows) and whether they may be attributes in a Digital Link; the parts of the value
with the checks of each (N digits, X set 82, Y set 39, Z base64url; ``..`` up to; brackets: may be absent);
what must stand beside them (``+`` together); what may not (``own``: others of the same first three digits);
the qualifiers of a primary key in their order, alternatives after ``/``. A row goes on in indented lines.
Source: the GS1 Barcode Syntax Dictionary.
"""

ROWS = """
00; fixed attribute; N18:check:company-2; key
01; fixed attribute; N14:check:company-2; not 255 37; key 22 10 21 / 235
02; fixed attribute; N14:check:company-2; with 37; not 01 03
03; fixed; N14:check:company-2; not 01 02 37 235
10; attribute; X..20; with 01 02 03 8006 8026
11 13 15 16; fixed attribute; N6:month; with 01 02 03 8006 8026
12; fixed attribute; N6:month; with 8020
17; fixed attribute; N6:month; with 01 02 03 255 8006 8026
20; fixed attribute; N2; with 01 02 03 8006 8026
21; ; X..20; with 01 03 8006; not 235
22; ; X..20; with 01
235; ; X..28; with 01
240 241; attribute; X..30; with 01 02 03 8006 8026
242; attribute; N..6; with 01 02 8006 8026
243; attribute; X..20; with 01 03
250; attribute; X..30; with 01+21 03+21 8006+21
251; attribute; X..30; with 01 03 8006
253; attribute; N13:check:company [X..17]; key
254; ; X..20; with 414
255; attribute; N13:check:company [N..12]; not 01 02 415 8006 8020 8026; key
30; attribute; N..8; with 01 02
3100-3105 3110-3115 3120-3125 3130-3135 3140-3145 3150-3155 3160-3165 3200-3205 3210-3215 3220-3225
    3230-3235 3240-3245 3250-3255 3260-3265 3270-3275 3280-3285 3290-3295 3500-3505 3510-3515
    3520-3525 3560-3565 3570-3575 3600-3605 3610-3615 3640-3645 3650-3655 3660-3665; fixed
    attribute; N6; with 01 02; not own
3300-3305 3310-3315 3320-3325 3330-3335 3340-3345 3350-3355 3360-3365 3400-3405 3410-3415 3420-3425
    3430-3435 3440-3445 3450-3455 3460-3465 3470-3475 3480-3485 3490-3495 3530-3535 3540-3545
    3550-3555 3620-3625 3630-3635 3670-3675 3680-3685 3690-3695; fixed attribute; N6; with 00 01;
    not own
3370-3375; fixed attribute; N6; with 01; not own
37; attribute; N..8; with 00+02 00+8026
3900-3909; attribute; N..15; with 255 8020; not own 391n 394n 8111
3910-3919; attribute; N3:currency N..15; with 8020; not own
3920-3929; attribute; N..15; with 01+30 01+31nn 01+32nn 01+35nn 01+36nn; not own 393n
3930-3939; attribute; N3:currency N..15; with 30 31nn 32nn 35nn 36nn; not own
3940-3943; attribute; N4; with 255; not own 8111
3950-3955; attribute; N6; with 30 31nn 32nn 35nn 36nn; not 392n 393n own 8005
400 90; attribute; X..30
401; attribute; X..30:company; key
402; attribute; N17:check:company; key
403 4308 4319; attribute; X..30; with 00
410 411 412 413 416; fixed attribute; N13:check:company
414; fixed attribute; N13:check:company; key 254 / 7040
415; fixed attribute; N13:check:company; with 8020; key 8020
417; fixed attribute; N13:check:company; key 7040
420; attribute; X..20; not 421
421; attribute; N3:country X..9; not 4307
422; attribute; N3:country; with 01 02 03 8006 8026; not 426
423 425; attribute; N3:country [N3]:country [N3]:country [N3]:country [N3]:country; with 01 02 03;
    not 426
424; attribute; N3:country; with 01 02 03; not 426
426; attribute; N3:country; with 01 02 03
427; attribute; X..3; with 01+422 02+422 03+422
4300 4301 4310 4311 4320; attribute; X..35:escaped; with 00
4302 4304 4305 4306 4312 4314 4315 4316; attribute; X..70:escaped; with 00
4303; attribute; X..70:escaped; with 4302
4307 4317; attribute; X2:country-letters; with 00
4309; attribute; N10:latitude N10:longitude; with 00
4313; attribute; X..70:escaped; with 4312
4318; attribute; X..20; with 00
4321 4322 4323; attribute; N1:yesno; with 00
4324 4325; attribute; N6:month N4:minute-of-day; with 00
4326; attribute; N6:date; with 00
4330; attribute; N6 [X1]:hyphen; with 00; not 4331
4331; attribute; N6 [X1]:hyphen; with 00; not 4330
4332; attribute; N6 [X1]:hyphen; with 00; not 4333
4333; attribute; N6 [X1]:hyphen; with 00; not 4332
7001; attribute; N13; with 01 02 8006 8026
7002; attribute; X..30; with 01 02
7003; attribute; N6:date N4:minute-of-day; with 01 02 03
7004; attribute; N..4; with 01+10 03+10
7005; attribute; X..12; with 01 02
7006; attribute; N6:date; with 01 02
7007; attribute; N6:date [N6]:date; with 01 02
7008; attribute; X..3; with 01 02
7009; attribute; X..10; with 01 02
7010; attribute; X..2; with 01 02 03
7011; attribute; N6:date [N4]:minute-of-day; with 01 02 03
7020; attribute; X..20; with 01+416 03+416 8006+416
7021 8012; attribute; X..20; with 01 03 8006
7022; attribute; X..20; with 01+7021 03+7021 8006+7021
7023; attribute; X..30:company
7030 7031 7032 7033 7034 7035 7036 7037 7038 7039; attribute; N3:country-or-999 X..27; with 01 02
7040; ; N1 X1 X1 X1:importer
7041; ; X..4:package; with 00
710 711 712 713 714 715 716 717; attribute; X..20; with 01
7230 7231 7232 7233 7234 7235 7236 7237 7238 7239; attribute; X2 X..28; with 01 8004
7240; attribute; X..20; with 01 8006; not 03
7241; attribute; N2:medium; with 8017 8018
7242; attribute; X..25; with 8017 8018
7250; attribute; N8:full-date; with 8018; not 7251
7251; attribute; N8:full-date N4:minute-of-day; with 8018; not 7250
7252; attribute; N1:sex; with 8018
7253 7254; attribute; X..40:escaped; with 8017 8018; not 7256 7259
7255; attribute; X..10; with 8017 8018; not 7256 7259
7256; attribute; X..90:escaped; with 8017 8018
7257; attribute; X..70:escaped; with 8018
7258; attribute; X3:place-of-many; with 8018+7259
7259; attribute; X..40:escaped; with 8018; not 7256
8001; attribute; N4:nonzero N5:nonzero N3:nonzero N1:winding N1; with 01
8002; attribute; X..20
8003; attribute; N1:zero N13:check:company [X..16]; key
8004; attribute; X..30:company; key 7040
8005; attribute; N6; with 01 02
8006; attribute; N14:check:company-2 N4:piece-of-total; not 01 03 37; key 22 10 21
8007; attribute; X..34:iban; with 415
8008; attribute; N6:date N2:hour [N2]:sixtieth [N2]:sixtieth; with 01 02 03
8009; attribute; X..50; with 00 01 03
8010; attribute; Y..30:company; key 8011
8011; ; N..12:no-leading-zero; with 8010
8013; attribute; X..25:check-pair:company; key
8014; ; X..25:check-pair:company:not-all-digits; with 01
8017; attribute; N18:check:company; not 8018; key 8019
8018; attribute; N18:check:company; not 8017; key 8019
8019; ; N..10; with 8017 8018
8020; ; X..25; with 415
8026; attribute; N14:check:company-2 N4:piece-of-total; with 37; not 02 03 8006
8030; attribute; Z..90:padded; with 00 01+21 03+21 253 255 8003 8004 8006+21 8010+8011 8017 8018
8040; ; N15; with 01+21
8041; ; N15; with 01+21+8040
8042; ; N32; with 01+21+8040
8043; ; N18 [N..2]; with 01+21+8040
8110; attribute; X..70:coupon
8111; attribute; N4; with 255
8112; attribute; X..70:positive-offer
8200; ; X..70; with 01
91-99; attribute; X..90
"""
