// Addresses that libtorrent 2.1.1 computed (v2-only torrents, the file's `pieces root`) and Python's SHA-256, for the
// bytes of `Sample.bytes`. They were made once with:
//   files = libtorrent.list_files(path); t = libtorrent.create_torrent(files, 65536, libtorrent.create_torrent.v2_only)
//   libtorrent.set_piece_hashes(t, folder); root = t.generate()[b"info"][b"file tree"][name][b""][b"pieces root"]

/// Size, pieces root and SHA-256.
let merkleVectors: [(size: Int, root: String, sha256: String)] = [
    (
        1, "49994461d6b46390f014c8c5275a8591ef8764760afe2739cee23f6fbe285778",
        "49994461d6b46390f014c8c5275a8591ef8764760afe2739cee23f6fbe285778"
    ),
    (
        5, "9f4561764784b9e84d1e10d23634589c9f70a63b577b3ff1c0c0014920e16c7e",
        "9f4561764784b9e84d1e10d23634589c9f70a63b577b3ff1c0c0014920e16c7e"
    ),
    (
        16383, "75137898c4c96cd8d7947dc81f0032488d702515ebf771fc4f3ad8b0540b8fff",
        "75137898c4c96cd8d7947dc81f0032488d702515ebf771fc4f3ad8b0540b8fff"
    ),
    (
        16384, "dc0ba7593ec87b938a5dc16b2554affc2f176b2752a87eb4819da5983887394d",
        "dc0ba7593ec87b938a5dc16b2554affc2f176b2752a87eb4819da5983887394d"
    ),
    (
        16385, "ddcf1469b8b0573aa8935a080758a5b8fe2e0d0866acd6acf2894155798d732b",
        "3a14835eac8a5be49216a6505266563894822471f550d1ba1f86381f4d38e572"
    ),
    (
        32768, "60790c906a65c0dc99ec746dc8911c2c5ab806ba728f5e8b45e9c133dfe83a87",
        "9f811908215b33cff33930e8b643c7745f6ff25d8685e06785a6749553863325"
    ),
    (
        32769, "05865efee925afaa33c3c393915b6448633af91c86c09c498ecc18172bcbe668",
        "c5be701607959bfefd400319a392a33f5ae1ed4861c1d4ac633f961d5b2e77cb"
    ),
    (
        49152, "e302cc37566e33515cc2a88486ede436bd1ac1691501fd77f7da9da5d4d775e2",
        "18e0ed74588a90b6578eb224cd012d63ccb9684777da0fac9a9963166e44ba5d"
    ),
    (
        65536, "87dfde4934e419e688d8c070b79dca12f598d593612665434dbc37cd0299037e",
        "c59afdb0864362b1eb08cca7692e3251a16436fdf0b9204c92dfdf41bf696086"
    ),
    (
        81937, "11774d2558370a7efb1d7a3e5da8673f5ec398aa9ceeeda4d30426abe2862735",
        "c6602eede6f1d4da2f70f5bc0fa1be42fc1b5bbcce6bc059fc88a3a743c906fa"
    ),
    (
        131072, "5c4265a2729eee6187bd7b512d94f81e239dbbc50f37332f60625de5098886c9",
        "347c92c7765475135dd46036cc8c3a4d37d641f0c1d86380ea26fdaf69cab11a"
    ),
    (
        262143, "3168404b25d444373a96fd663823fab53da8f592c3f63b9af1e2de604293b4d1",
        "40f6ccca2f5620228096fc8aefb1fe540d6cddd50dc641dddad5122e31a4b59c"
    ),
    (
        540673, "6ec301136a30ce721a71a1b984b3171a7aaf44a8cfd76a15dd79fe4eae94ab22",
        "2e2bd680806675d2e8ec33ccfb0c9a585cfac58da9fe51d253ac439a2f8f5f8e"
    ),
    (
        1064960, "4a32250ddaa1a941c50a9db81e2390995801650e281ba7e6d9559f6ec68c5784",
        "f346f4037a7ef221befa0a834337446963406397330e8875ec89f2effb6c4da1"
    ),
    (
        1638403, "f93c79c8f7a4f52af9dc901284a8a1cf5d48597fb4cc3c06a13fee1d28ff3fda",
        "fb0b390adca3fd7c0fd86558babee68dc35541f59eeba2f1c1a4d45851f3970c"
    ),
    (
        1048576, "9cf2becf1c46c9fd28c54a5133c449ca52cc6f6862d91fac1108adea85877356",
        "3dbac2f942957e365de60b4316ada461206b725f9446456bc85be911fb542ce8"
    ),
    (
        1048577, "ba67a64e306d6458d3dbc2f9d6e7b83a8c5c6ce1a90dd437b09822284ecce6cf",
        "e7bebcf624fa40bed8e2dd3e6b0a1af6f23b303d9eecb013303ef94bb1ec9341"
    ),
    (
        3158073, "3acf468fc5aa665f87c959f11386dd155403247945c5cc98116439da8fc4ff84",
        "0af9c272289e5524a164b1806bf559112c2080aa98823bc76e7a62f7e1da521b"
    ),
]
