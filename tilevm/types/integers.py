"""The integers of 1 to 64 bits."""

from __future__ import annotations

from tilevm.types.split import integer

i1, i2, i3, i4, i5, i6, i7, i8 = (integer(n, True) for n in range(1, 9))
i9, i10, i11, i12, i13, i14, i15, i16 = (integer(n, True) for n in range(9, 17))
i17, i18, i19, i20, i21, i22, i23, i24 = (integer(n, True) for n in range(17, 25))
i25, i26, i27, i28, i29, i30, i31, i32 = (integer(n, True) for n in range(25, 33))
i33, i34, i35, i36, i37, i38, i39, i40 = (integer(n, True) for n in range(33, 41))
i41, i42, i43, i44, i45, i46, i47, i48 = (integer(n, True) for n in range(41, 49))
i49, i50, i51, i52, i53, i54, i55, i56 = (integer(n, True) for n in range(49, 57))
i57, i58, i59, i60, i61, i62, i63, i64 = (integer(n, True) for n in range(57, 65))
u1, u2, u3, u4, u5, u6, u7, u8 = (integer(n, False) for n in range(1, 9))
u9, u10, u11, u12, u13, u14, u15, u16 = (integer(n, False) for n in range(9, 17))
u17, u18, u19, u20, u21, u22, u23, u24 = (integer(n, False) for n in range(17, 25))
u25, u26, u27, u28, u29, u30, u31, u32 = (integer(n, False) for n in range(25, 33))
u33, u34, u35, u36, u37, u38, u39, u40 = (integer(n, False) for n in range(33, 41))
u41, u42, u43, u44, u45, u46, u47, u48 = (integer(n, False) for n in range(41, 49))
u49, u50, u51, u52, u53, u54, u55, u56 = (integer(n, False) for n in range(49, 57))
u57, u58, u59, u60, u61, u62, u63, u64 = (integer(n, False) for n in range(57, 65))
